"""Balanced accuracy, MCC and thresholds by sensitivity and specificity."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score, matthews_corrcoef, roc_curve

from xlite.scores.operating_points import (
    balanced_accuracy,
    fit_sensitivity_thresholds,
    fit_specificity_thresholds,
    fit_youden_thresholds,
    matthews_correlation,
)
from xlite.scores.thresholded import confusion_counts, count_at_thresholds, recall, specificity

ROWS = st.lists(
    st.tuples(st.sampled_from([-1, 0, 1]), st.integers(0, 8).map(lambda level: level / 8)),
    min_size=2,
    max_size=30,
)
SHARES = st.sampled_from([0.01, 0.1, 0.5, 0.7, 0.8, 0.9, 0.95, 1.0])


def draw_case(seed: int = 0, *, num_levels: int = 10**9):
    rng = np.random.default_rng(seed)
    targets = (rng.random((800, 4)) < [0.02, 0.1, 0.3, 0.6]).astype(np.int8)
    signal = 0.3 * targets
    targets[rng.random(targets.shape) < 0.1] = -1
    probs = np.clip(rng.random(targets.shape) * 0.7 + signal, 0, 1)
    return targets, np.floor(probs * num_levels) / num_levels


def both_kinds(rows):
    labels = np.array([row[0] for row in rows], dtype=np.int8)[:, None]
    probs = np.array([row[1] for row in rows])[:, None]
    assume((labels == 1).any() and (labels == 0).any())
    return labels, probs


def operating_points(labels, probs):
    """(sensitivity, specificity) of every threshold there is, one above all scores included."""
    points = []
    for threshold in [*np.unique(probs), 2.0]:
        counts = count_at_thresholds(labels, probs, np.array([threshold]))
        points.append((recall(counts)[0], specificity(counts)[0]))
    return np.array(points)


def point_at(labels, probs, thresholds):
    counts = count_at_thresholds(labels, probs, thresholds)
    return recall(counts)[0], specificity(counts)[0]


@pytest.mark.parametrize("threshold", [0.2, 0.5, 0.9])
def test_scores_are_scikit_learns(threshold):
    targets, probs = draw_case()
    counts = count_at_thresholds(targets, probs, np.full(4, threshold))
    for column in range(4):
        known = targets[:, column] >= 0
        y, called = targets[known, column], probs[known, column] >= threshold
        assert balanced_accuracy(counts)[column] == pytest.approx(
            balanced_accuracy_score(y, called), abs=1e-12
        )
        assert matthews_correlation(counts)[column] == pytest.approx(
            matthews_corrcoef(y, called), abs=1e-12
        )


def test_large_counts_do_not_overflow():
    targets = np.tile(np.array([[1], [1], [0], [0]], dtype=np.int8), (100_000, 1))
    called = np.tile(np.array([[True], [True], [False], [True]]), (100_000, 1))
    expected = matthews_corrcoef(targets[:4, 0], called[:4, 0])
    found = matthews_correlation(confusion_counts(targets, called))
    assert found[0] == pytest.approx(expected, abs=1e-12)


def test_a_class_of_one_kind_is_nan_and_calling_all_alike_is_zero():
    targets = np.array([[1, 0, 1], [1, 0, 0]], dtype=np.int8)
    counts = confusion_counts(targets, np.ones((2, 3), dtype=bool))
    np.testing.assert_array_equal(matthews_correlation(counts), [np.nan, np.nan, 0])
    np.testing.assert_array_equal(balanced_accuracy(counts), [np.nan, np.nan, 0.5])


@pytest.mark.parametrize("num_levels", [6, 10**9])
def test_youden_is_the_farthest_point_of_scikit_learns_curve(num_levels):
    targets, probs = draw_case(num_levels=num_levels)
    thresholds = fit_youden_thresholds(targets, probs)
    counts = count_at_thresholds(targets, probs, thresholds)
    for column in range(4):
        known = targets[:, column] >= 0
        false_rate, true_rate, _ = roc_curve(targets[known, column], probs[known, column])
        found = recall(counts)[column] + specificity(counts)[column] - 1
        assert found == pytest.approx((true_rate - false_rate).max(), abs=1e-12)


@given(ROWS)
def test_youden_is_the_best_there_is(rows):
    labels, probs = both_kinds(rows)
    best = operating_points(labels, probs)[:-1].sum(axis=1).max()
    assert sum(point_at(labels, probs, fit_youden_thresholds(labels, probs))) == pytest.approx(best)


@given(ROWS, SHARES)
def test_sensitivity_is_reached_at_the_best_specificity(rows, share):
    labels, probs = both_kinds(rows)
    thresholds = fit_sensitivity_thresholds(labels, probs, sensitivity=share)
    found, spared = point_at(labels, probs, thresholds)
    points = operating_points(labels, probs)
    assert found >= share
    assert spared == points[points[:, 0] >= share, 1].max()


@given(ROWS, SHARES)
def test_specificity_is_reached_at_the_best_sensitivity(rows, share):
    labels, probs = both_kinds(rows)
    thresholds = fit_specificity_thresholds(labels, probs, specificity=share)
    points = operating_points(labels, probs)
    possible = points[points[:, 1] >= share, 0].max()
    if np.isnan(thresholds[0]):
        # Only a threshold above 1.0 would do: negatives of prob 1.0 are too many.
        assert points[:-1, 1].max() < share
        return
    found, spared = point_at(labels, probs, thresholds)
    assert spared >= share
    assert found == possible


@pytest.mark.parametrize("share", [0.9, 0.3, 0.7])
def test_a_share_that_is_met_exactly_is_met(share):
    # (1 - 0.9) * 10 is below 1 in floats: counting instead of dividing would spare all ten.
    labels = np.repeat(np.array([[1], [0]], dtype=np.int8), 10, axis=0)
    probs = np.concatenate([np.linspace(0.41, 0.95, 10), np.linspace(0.4, 0.94, 10)])[:, None]
    found, _ = point_at(labels, probs, fit_sensitivity_thresholds(labels, probs, sensitivity=share))
    _, spared = point_at(
        labels, probs, fit_specificity_thresholds(labels, probs, specificity=share)
    )
    assert (found, spared) == (share, share)


@pytest.mark.parametrize("label", [0, 1, -1])
def test_a_class_of_one_kind_has_no_threshold(label):
    targets, probs = draw_case()
    targets[:, 2] = label
    for thresholds in (
        fit_youden_thresholds(targets, probs),
        fit_sensitivity_thresholds(targets, probs, sensitivity=0.9),
        fit_specificity_thresholds(targets, probs, specificity=0.9),
    ):
        assert np.isnan(thresholds).tolist() == [False, False, True, False]


@pytest.mark.parametrize("share", [0.0, -0.1, 1.1, float("nan")])
def test_a_share_outside_0_1_is_refused(share):
    targets, probs = draw_case()
    with pytest.raises(ValueError, match=r"sensitivity has to be in \(0, 1\]"):
        fit_sensitivity_thresholds(targets, probs, sensitivity=share)
    with pytest.raises(ValueError, match=r"specificity has to be in \(0, 1\]"):
        fit_specificity_thresholds(targets, probs, specificity=share)
