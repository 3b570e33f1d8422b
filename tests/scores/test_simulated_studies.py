"""Simulated studies: drawn as the one observed says, and judged by its interval and correction."""

from __future__ import annotations

import numpy as np
import pytest

from xlite.scores.multiplicity import adjust_holm
from xlite.scores.seed_posterior import MULTIPLES, draw_places, weigh_labels, weigh_macro
from xlite.scores.seed_variance import SeedNoise, combine_seeds
from xlite.scores.simulated_studies import ObservedStudy, SimulatedStudies, simulate_studies

ARMS, SEEDS, LABELS, RESAMPLES = 2, 3, 4, 400


def observe(rng: np.random.Generator, *, of_seed: float) -> ObservedStudy:
    """A study whose images move a difference by 0.01, and each seed of it by 0.01 √2 `of_seed`."""
    columns = LABELS + 1
    image = 0.01 * rng.normal(size=(ARMS, 1, RESAMPLES, LABELS)) / np.sqrt(2)
    run = 0.002 * rng.normal(size=(ARMS, SEEDS, RESAMPLES, LABELS))
    deviations = image + run
    deviations = np.append(deviations, deviations.mean(axis=-1, keepdims=True), axis=-1)
    scores = 0.8 + 0.01 * of_seed * rng.normal(size=(ARMS, SEEDS, columns))
    found = combine_seeds(scores[1] - scores[0], deviations[1] - deviations[0])
    return ObservedStudy(
        scores=scores,
        deviations=deviations,
        image=found.between_image_sd**2,
        interaction=found.interaction_sd**2,
        image_freedom=np.full(columns, 50.0),
    )


def test_simulated_studies_vary_as_the_study_says_that_it_does() -> None:
    rng = np.random.default_rng(0)
    study = observe(rng, of_seed=0.3)
    drawn = simulate_studies(study, trials=3000, rng=rng, seed_share=0.0)
    # With seeds that move next to nothing images are all that there is.
    assert drawn.change[:, -1].std() == pytest.approx(np.sqrt(study.image[-1]), rel=0.1)
    assert drawn.change[:, :-1].mean(axis=-1) == pytest.approx(drawn.change[:, -1])
    far = simulate_studies(study, trials=3000, rng=rng, seed_share=0.9)
    assert far.change[:, -1].std() > 1.2 * drawn.change[:, -1].std()
    wrong = np.abs(far.change[:, -1]) > far.margins[0][:, -1]
    assert wrong.mean() < 0.07
    # Twice the tail is narrower, and a fourth of it is wider.
    assert (drawn.one_sided < drawn.margins[0][:, -1]).all()
    assert (np.diff(drawn.margins, axis=0) > 0).all()


def test_a_label_is_significant_just_when_its_holm_corrected_p_is() -> None:
    rng = np.random.default_rng(1)
    p = rng.random((500, LABELS)) ** 3 * 0.2
    levels = 0.05 / np.arange(1, LABELS + 1)
    # A distance of 1 / p, and margins that it exceeds where p is below each level.
    margins = np.repeat(1 / levels[:, np.newaxis, np.newaxis], len(p), axis=1)
    studies = SimulatedStudies(
        baseline=np.full(LABELS, 0.8),
        change=np.append(1 / p, np.ones((len(p), 1)), axis=1),
        margins=np.repeat(margins, LABELS + 1, axis=2),
        one_sided=np.ones(len(p)),
    )
    expected = np.array([adjust_holm(each) < 0.05 for each in p])
    assert 0.1 < expected.mean() < 0.9
    assert np.array_equal(studies.find_significant(), expected)


def test_better_models_are_moved_less() -> None:
    drawn = simulate_studies(
        observe(np.random.default_rng(2), of_seed=0.3), trials=200, rng=np.random.default_rng(0)
    )
    truth = np.full(LABELS + 1, 0.1)
    better, worse = drawn.plant(truth), drawn.plant(-truth)
    assert (better.margins < drawn.margins).all()
    assert (worse.margins > drawn.margins).all()
    assert better.change.mean() == pytest.approx(0.1 + drawn.change.mean(), abs=0.003)
    same = drawn.plant(0 * truth)
    assert same.change == pytest.approx(drawn.change)


def test_evidence_moves_what_seeds_are_likely_to_do() -> None:
    def center(variance: float, freedom: float) -> float:
        own = SeedNoise(variance=np.array(variance), freedom=np.array(freedom))
        none = SeedNoise(variance=np.array(0.0), freedom=np.array(0.0))
        weights = weigh_macro(own, none, 0.01, 1.0)
        assert weights.sum() == pytest.approx(1)
        return float(np.exp((np.log(MULTIPLES)[:, np.newaxis] * weights).sum()))

    assert center(9.0, 40) == pytest.approx(3, rel=0.1)
    assert center(0.25, 40) == pytest.approx(0.5, rel=0.1)
    # One degree of freedom leaves more to the prior, whose middle is 1.
    assert 1 < center(100.0, 1) < 0.9 * center(100.0, 40)


def test_a_lucky_label_is_taken_to_be_like_the_others() -> None:
    variance = np.array([0.0, *[4.0] * 9])
    alone = weigh_labels(
        SeedNoise(variance=variance[:1], freedom=np.ones(1)), np.full(1, 0.01), np.ones(1)
    )
    among = weigh_labels(
        SeedNoise(variance=variance, freedom=np.ones(10)), np.full(10, 0.01), np.ones(10)
    )
    middle = np.log(MULTIPLES)
    assert middle @ among[:, 0] > middle @ alone[:, 0] + 1
    assert middle @ among[:, 0] < middle @ among[:, 1]


def test_places_are_drawn_as_often_as_they_weigh() -> None:
    places = draw_places(np.array([0.2, 0.0, 0.8]), 4000, np.random.default_rng(0))
    assert np.bincount(places, minlength=3) / 4000 == pytest.approx([0.2, 0, 0.8], abs=0.03)
