"""Intervals of average precision: the estimator by definition, and coverage of planted truth."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from benchmarks.validity_intervals import cover_macro
from xlite.scores.bootstrap import average_classes, percentile_interval, resample_scores
from xlite.scores.precision_interval import (
    UNSEEN_PRECISION,
    PrecisionIntervals,
    _Apart,
    precision_intervals,
)
from xlite.scores.resampling import number_patients, rank_classes


def draw(seed: int, *, num_images: int = 300, num_levels: int = 10**9):
    rng = np.random.default_rng(seed)
    targets = (rng.random((num_images, 3)) < [0.02, 0.1, 0.3]).astype(np.int8)
    targets[rng.random(targets.shape) < 0.05] = -1
    probs = 1 / (1 + np.exp(-rng.normal(size=targets.shape) - targets))
    return targets, np.round(probs * num_levels) / num_levels, np.arange(num_images) // 3


def intervals(targets, probs, groups, *, seed: int = 0, **options: float) -> PrecisionIntervals:
    rng = np.random.default_rng(seed)
    return precision_intervals(targets, probs, groups, rng=rng, num_resamples=300, **options)


def mean_precision_apart(targets, scores, groups):
    """By definition: each positive at its own score, with its patient's positives taken out."""
    positive, negative = targets == 1, targets == 0
    values = []
    for score, group in zip(scores[positive], groups[positive], strict=True):
        own = positive & (groups == group)
        found = (positive & ~own & (scores >= score)).sum()
        rest = (positive & ~own).sum()
        false = (negative & (scores >= score)).sum()
        found = found * positive.sum() / rest
        values.append(found / (found + false) if found + false else UNSEEN_PRECISION)
    return np.mean(values)


@pytest.mark.parametrize("num_levels", [8, 10**9])
def test_no_patient_counts_itself(num_levels: int) -> None:
    targets, probs, groups = draw(0, num_levels=num_levels)
    patients, count = number_patients(groups, len(groups))
    # Copies of rows are what weights stand for, but copies of one patient are still one.
    weights = np.stack([np.ones(count), np.random.default_rng(1).integers(0, 3, count)], axis=1)
    for column, ranked in enumerate(rank_classes(targets, probs, patients, count)):
        of_class = targets[:, column], probs[:, column]
        found = _Apart.of(ranked, *of_class, patients).score(weights)
        for at in range(2):
            rows = np.repeat(np.arange(len(groups)), weights[patients, at].astype(int))
            expected = mean_precision_apart(*(values[rows] for values in (*of_class, groups)))
            assert found[at] == pytest.approx(expected)


def test_random_scores_are_not_said_to_be_better_than_chance() -> None:
    above = {"percentiles": 0, "ours": 0}
    for seed in range(40):
        rng = np.random.default_rng(seed)
        targets = (rng.random((180, 14)) < np.linspace(0.01, 0.15, 14)).astype(np.int8)
        probs, groups = rng.random(targets.shape), np.arange(180)
        chance = targets.mean(axis=0)[targets.any(axis=0)].mean()
        above["ours"] += intervals(targets, probs, groups, seed=seed).macro_low > chance
        drawn = resample_scores(
            targets, [probs], groups, rng=rng, num_resamples=200, scores=("average_precision",)
        )["average_precision"]
        above["percentiles"] += percentile_interval(average_classes(drawn)[0])[0] > chance
    assert above["ours"] <= 5
    # Ensure that the case is worth its name.
    assert above["percentiles"] > 30


@pytest.mark.parametrize(("size", "skill"), [(180, "AUROC 0.76"), (600, "random scores")])
def test_coverage_of_the_macro_mean(size: int, skill: str) -> None:
    rate = cover_macro(
        "average_precision", size, skill, trials=120, seed=1, clustered=True, num_resamples=150
    )
    assert rate.rate >= 0.9


def test_an_interval_holds_the_average_precision_and_widens_with_the_level() -> None:
    targets, probs, groups = draw(2)
    found = intervals(targets, probs, groups)
    wide = intervals(targets, probs, groups, level=0.99)
    for column in range(3):
        known = targets[:, column] >= 0
        value = average_precision_score(targets[known, column], probs[known, column])
        assert 0 < wide.low[column] <= found.low[column] <= value
        assert value <= found.high[column] <= wide.high[column] < 1
    assert wide.macro_low < found.macro_low < found.macro_high < wide.macro_high


def test_a_class_of_one_patient_has_no_interval_but_takes_part_in_the_mean() -> None:
    targets, probs, groups = draw(3)
    targets[:, 0] = 0
    targets[30:32, 0] = 1
    found = intervals(targets, probs, groups)
    assert np.isnan(found.low[0])
    assert np.isfinite([found.macro_low, found.macro_high]).all()
    absent = targets.copy()
    absent[:, 0] = 0
    without = intervals(absent, probs, groups)
    assert without.macro_low != found.macro_low


def test_perfect_scores_and_no_positives() -> None:
    targets, _, groups = draw(4)
    perfect = intervals(targets, (targets == 1).astype(float), groups)
    np.testing.assert_array_equal(perfect.high, 1)
    assert perfect.macro_high == 1
    nothing = intervals(np.zeros_like(targets), np.random.default_rng(0).random((300, 3)), groups)
    assert np.isnan([*nothing.low, *nothing.high, nothing.macro_low, nothing.macro_high]).all()
