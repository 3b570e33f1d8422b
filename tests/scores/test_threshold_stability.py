"""Notes on fitted thresholds against refitting on rows that were really copied."""

from __future__ import annotations

import numpy as np
import pytest

from xlite.scores.threshold_stability import judge_f1_thresholds
from xlite.scores.thresholded import count_at_thresholds, f1, fit_f1_thresholds


def draw_case(seed: int, *, positives: int, shift: float, num_rows: int = 2000):
    rng = np.random.default_rng(seed)
    targets = np.zeros((num_rows, 1), dtype=np.int8)
    targets[:positives] = 1
    probs = 1 / (1 + np.exp(-(rng.normal(size=targets.shape) + shift * targets - 2)))
    return targets, probs, np.arange(num_rows) // 2


def test_refitting_agrees_with_copied_rows():
    targets, probs, groups = draw_case(0, positives=60, shift=1.5)
    found = judge_f1_thresholds(
        targets, probs, groups, rng=np.random.default_rng(1), num_resamples=100
    )
    rng, reached, thresholds = np.random.default_rng(1), [], []
    for _ in range(100):
        drawn = rng.integers(1000, size=1000)
        rows = (2 * drawn[:, None] + np.arange(2)).ravel()
        refitted = fit_f1_thresholds(targets[rows], probs[rows])
        thresholds.append(refitted[0])
        reached.append(f1(count_at_thresholds(targets, probs, refitted))[0])
    # Copied rows lack some scores, so that midways differ by a gap between two neighbours.
    assert found.low[0] == pytest.approx(np.quantile(thresholds, 0.025), abs=2e-3)
    assert found.high[0] == pytest.approx(np.quantile(thresholds, 0.975), abs=2e-3)
    assert found.f1_refitted[0] == pytest.approx(np.quantile(reached, 0.05), abs=3e-3)
    np.testing.assert_array_equal(found.threshold, fit_f1_thresholds(targets, probs))
    assert found.f1[0] == f1(count_at_thresholds(targets, probs, found.threshold))[0]
    assert found.low[0] < found.threshold[0] < found.high[0]


def test_few_weak_positives_are_unstable_and_many_clear_ones_are_not():
    rare = draw_case(2, positives=8, shift=1.0)
    common = draw_case(3, positives=700, shift=2.5)
    rng = np.random.default_rng(0)
    assert judge_f1_thresholds(*rare, rng=rng).is_unstable[0]
    stable = judge_f1_thresholds(*common, rng=rng)
    assert not stable.is_unstable[0]
    assert not stable.calls_all_positives[0]
    assert not stable.calls_top_score_only[0]


def test_edges_are_told_apart():
    targets = np.array([[1, 1], [1, 1], [1, 1], [0, 0], [0, 0], [0, 0]], dtype=np.int8)
    separated = [0.9, 0.8, 0.7, 0.3, 0.2, 0.1]
    # Under the top positive every negative comes before the next positive.
    top_only = [0.99, 0.11, 0.1, 0.9, 0.9, 0.9]
    many = np.tile(targets, (1, 1))
    found = judge_f1_thresholds(
        np.concatenate([many, np.zeros((40, 2), dtype=np.int8)]),
        np.concatenate([np.column_stack([separated, top_only]), np.full((40, 2), 0.5)]),
        np.arange(46),
        rng=np.random.default_rng(0),
    )
    assert found.calls_all_positives.tolist() == [True, False]
    assert found.calls_top_score_only.tolist() == [False, True]


def test_an_only_positive_lies_at_the_lower_edge():
    targets = np.array([[1], [0], [0]], dtype=np.int8)
    found = judge_f1_thresholds(
        targets, np.array([[0.9], [0.2], [0.1]]), np.arange(3), rng=np.random.default_rng(0)
    )
    assert found.calls_all_positives[0]
    assert not found.calls_top_score_only[0]


def test_a_class_without_positives_is_nan_without_notes():
    targets, probs, groups = draw_case(4, positives=50, shift=2.0)
    targets, probs = np.hstack([targets, 0 * targets]), np.hstack([probs, probs])
    found = judge_f1_thresholds(targets, probs, groups, rng=np.random.default_rng(0))
    for values in (found.threshold, found.low, found.high, found.f1, found.f1_refitted):
        assert np.isnan(values).tolist() == [False, True]
    assert not (found.is_unstable | found.calls_all_positives | found.calls_top_score_only)[1]


def test_probs_outside_0_1_are_refused():
    targets, probs, groups = draw_case(5, positives=50, shift=2.0)
    with pytest.raises(ValueError, match=r"probs outside \[0, 1\]"):
        judge_f1_thresholds(targets, probs + 1, groups, rng=np.random.default_rng(0))
