"""Limits that hold at all looks together: simulated studies that are looked at after each seed."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.validity_anytime import end_studies
from xlite.errors import ArgumentError
from xlite.scores.anytime import Looks
from xlite.scores.last_look import foresee
from xlite.scores.seed_variance import combine_seeds


@pytest.mark.parametrize("sources", [(1.0, 0.0, 0.0), (0.8, 1.0, 0.6)])
def test_equal_variants_are_told_apart_in_a_twentieth_however_often_they_are_looked_at(
    sources: tuple[float, float, float],
) -> None:
    plan = {"first": 2, "trials": 600, "stops_hopeless": False}
    found = end_studies(8, 2, sources, **plan)
    assert np.mean(found.is_above | found.is_below) <= 0.06
    naive = end_studies(8, 2, sources, looks=None, **plan)
    assert np.mean(naive.is_above | naive.is_below) > 0.08
    assert np.mean(naive.is_above | naive.is_below) > np.mean(found.is_above | found.is_below)


def test_studies_end_earlier_than_a_fixed_number_of_seeds() -> None:
    small, large = (
        end_studies(12, 2, (1.0, 0.0, 0.0), change=change, trials=300) for change in (0.0, 2.0)
    )
    assert small.seeds.mean() < 9
    assert large.seeds.mean() < 7
    assert large.is_above.mean() > 0.95
    fixed = end_studies(12, 2, (1.0, 0.0, 0.0), trials=300, stops_hopeless=False)
    assert fixed.seeds.mean() > 11


def test_the_level_of_a_look_of_two_seeds_is_exact_and_falls_with_looks() -> None:
    seeds, _ = Looks(2).tails(0.025)
    assert seeds == pytest.approx(0.85 * 0.025, rel=0.03)
    tails = [float(Looks(most).tails(0.025)[0]) for most in (2, 3, 6, 12, 24)]
    assert tails == sorted(tails, reverse=True)
    # Never below Bonferroni's, which counts looks as if nothing tied them together.
    assert tails[-1] > 0.85 * 0.025 / 23


def test_tails_rise_with_the_level_and_end_at_the_middle() -> None:
    grid = np.geomspace(1e-8, 0.5, 400)
    seeds, images = Looks(12).tails(grid)
    assert (np.diff(seeds) > 0).all()
    assert (np.diff(images) > 0).all()
    assert (seeds[-1], images[-1]) == (0.5, 0.5)


def test_limits_of_several_looks_contain_those_of_one() -> None:
    rng = np.random.default_rng(1)
    differences, drawn = rng.normal(0.01, 0.01, 5), rng.normal(0.01, 0.004, (5, 400))
    once, repeated = (combine_seeds(differences, drawn, looks=one) for one in (None, Looks(12)))
    assert repeated.low < once.low < once.high < repeated.high
    assert repeated.p > once.p
    # Its chances are the tails of the same limits.
    assert repeated.chance_below(float(repeated.low)) == pytest.approx(0.025, rel=1e-3)


def test_what_the_last_look_may_show_is_nearer_to_now_the_nearer_it_is() -> None:
    rng = np.random.default_rng(2)
    differences, drawn = rng.normal(0.01, 0.01, 8), rng.normal(0.01, 0.004, (8, 400))
    found = combine_seeds(differences, drawn, looks=Looks(12))
    up, down, nearer = (foresee(found, 0.1, way, level=0.95) for way in (1, -1, 0))
    assert down.difference < found.difference < up.difference
    assert abs(nearer.difference) < abs(found.difference)
    assert up.high - up.low < found.high - found.low
    last = combine_seeds(differences, drawn, looks=Looks(8))
    assert foresee(last, 0.1, 1, level=0.95).difference == last.difference
    with pytest.raises(ValueError, match="last look"):
        foresee(combine_seeds(differences, drawn), 0.1, 1, level=0.95)


@pytest.mark.parametrize("most", [1, 25])
def test_more_looks_than_were_tried_are_refused(most: int) -> None:
    with pytest.raises(ArgumentError, match="from 2 to 24"):
        Looks(most)
