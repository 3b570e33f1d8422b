"""What difference a set of images can tell: the formulas, and simulated sets with known truth."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import ndtri

from xlite.scores.detectable import (
    auroc_error,
    detectable_difference,
    macro_error,
    score_error,
    total_error,
)

DRAWS = 4000


def simulate_auroc(truth: float, positives: int, negatives: int, draws: int, seed: int):  # type: ignore[no-untyped-def]
    """(draws,) AUROC of normal scores whose true AUROC is `truth`."""
    generator = np.random.default_rng(seed)
    shift = math.sqrt(2) * ndtri(truth)
    found = np.empty(draws)
    for draw in range(draws):
        ill = generator.normal(shift, 1, positives)
        well = np.sort(generator.normal(0, 1, negatives))
        found[draw] = np.searchsorted(well, ill).mean() / negatives
    return found


def test_with_as_many_of_both_the_error_is_hanley_and_mcneils() -> None:
    value, count = 0.8, 50
    q1, q2 = value / (2 - value), 2 * value**2 / (1 + value)
    theirs = value * (1 - value) + (count - 1) * (q1 - value**2 + q2 - value**2)
    assert auroc_error(value, count, count) == pytest.approx(math.sqrt(theirs) / count)


@pytest.mark.parametrize(("positives", "negatives", "truth"), [(40, 400, 0.8), (100, 900, 0.7)])
def test_the_error_is_that_of_simulated_sets(positives: int, negatives: int, truth: float) -> None:
    found = simulate_auroc(truth, positives, negatives, DRAWS, seed=1)
    assert found.std() == pytest.approx(auroc_error(truth, positives, negatives), rel=0.08)


@pytest.mark.parametrize(
    ("positives", "negatives", "threshold", "seeds"),
    [(60, 600, 0.75, 1), (150, 1500, 0.8, 3), (40, 400, 0.7, 5)],
)
def test_a_detectable_difference_is_found_in_four_of_five_sets(
    positives: int, negatives: int, threshold: float, seeds: int
) -> None:
    deviation = 0.01
    error = total_error(
        auroc_error(threshold, positives, negatives), num_seeds=seeds, seed_deviation=deviation
    )
    noise = np.random.default_rng(2).normal(0, deviation, (DRAWS, seeds)).mean(axis=1)

    def share_found(truth: float) -> float:
        found = simulate_auroc(truth, positives, negatives, DRAWS, seed=3) + noise
        return float((np.abs(found - threshold) > 1.96 * error).mean())

    assert share_found(threshold + detectable_difference(error)) == pytest.approx(0.8, abs=0.06)
    assert share_found(threshold) == pytest.approx(0.05, abs=0.02)
    # Half of it would not be enough, or the test could not tell.
    assert share_found(threshold + detectable_difference(error) / 2) < 0.4


def test_seeds_shrink_their_own_part_alone() -> None:
    errors = [total_error(0.02, num_seeds=seeds) for seeds in (1, 4, 10_000)]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] == pytest.approx(0.02, abs=1e-5)


def test_a_share_has_the_error_of_its_own_images() -> None:
    assert score_error("sensitivity", 0.5, 25, 1000) == pytest.approx(0.1)
    assert score_error("specificity", 0.5, 25, 100) == pytest.approx(0.05)
    assert score_error("balanced_accuracy", 0.5, 25, 100) == pytest.approx(math.hypot(0.05, 0.025))
    assert math.isnan(score_error("f1", 0.5, 25, 100))
    assert math.isnan(score_error("sensitivity", 0.5, 0, 100))
    assert math.isnan(macro_error([math.nan]))
