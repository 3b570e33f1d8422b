"""Scores at thresholds against scikit-learn, and fitted thresholds against trying every one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score, multilabel_confusion_matrix, precision_score, recall_score

from xlite.scores.thresholded import (
    assign_halves,
    confusion_counts,
    count_at_thresholds,
    crossfit_f1,
    f1,
    fit_f1_thresholds,
    precision,
    recall,
    specificity,
)


def column(values, dtype=np.float64):
    return np.array(values, dtype=dtype)[:, None]


def draw_case(seed: int, *, num_rows: int = 500):
    rng = np.random.default_rng(seed)
    targets = (rng.random((num_rows, 4)) < [0.03, 0.1, 0.3, 0.6]).astype(np.int8)
    probs = np.round(1 / (1 + np.exp(-rng.normal(size=targets.shape) - targets + 1)), 2)
    return targets, probs


def mask_at_random(targets, seed):
    masked = targets.copy()
    masked[np.random.default_rng(seed).random(targets.shape) < 0.2] = -1
    return masked


def test_scores_agree_with_scikit_learn():
    targets, probs = draw_case(seed=1)
    predictions = probs >= np.array([0.9, 0.5, 0.3, 0.4])
    counts = confusion_counts(targets, predictions)
    expected = multilabel_confusion_matrix(targets, predictions)
    np.testing.assert_array_equal(counts.true_negatives, expected[:, 0, 0])
    np.testing.assert_array_equal(counts.false_positives, expected[:, 0, 1])
    np.testing.assert_array_equal(counts.false_negatives, expected[:, 1, 0])
    np.testing.assert_array_equal(counts.true_positives, expected[:, 1, 1])
    for ours, theirs in ((precision, precision_score), (recall, recall_score), (f1, f1_score)):
        reference = theirs(targets, predictions, average=None, zero_division=np.nan)
        np.testing.assert_allclose(ours(counts), reference, rtol=1e-15)
    np.testing.assert_allclose(
        specificity(counts), recall_score(1 - targets, ~predictions, average=None), rtol=1e-15
    )


def test_unknown_entries_count_as_if_they_were_not_there():
    complete, probs = draw_case(seed=2)
    targets = mask_at_random(complete, seed=3)
    thresholds = np.full(4, 0.5)
    counts = count_at_thresholds(targets, probs, thresholds)
    for position in range(4):
        known = targets[:, position] >= 0
        alone = count_at_thresholds(
            targets[known, position : position + 1],
            probs[known, position : position + 1],
            thresholds[:1],
        )
        assert counts.true_positives[position] == alone.true_positives[0]
        assert counts.false_positives[position] == alone.false_positives[0]
        assert counts.false_negatives[position] == alone.false_negatives[0]
        assert counts.true_negatives[position] == alone.true_negatives[0]
    full = count_at_thresholds(complete, probs, thresholds)
    assert (counts.false_positives < full.false_positives).all()


def test_a_prob_at_its_threshold_is_positive():
    counts = count_at_thresholds(
        column([1, 1], np.int8), column([0.5, 0.4999]), thresholds=np.array([0.5])
    )
    assert (counts.true_positives[0], counts.false_negatives[0]) == (1, 1)


@pytest.mark.parametrize(
    ("targets", "calls", "expected"),
    [
        # targets, calls, (precision, recall, specificity, F1)
        ([0, 0], [False, False], (np.nan, np.nan, 1.0, np.nan)),
        ([0, 0], [True, False], (0.0, np.nan, 0.5, np.nan)),
        ([1, 1], [False, False], (np.nan, 0.0, np.nan, 0.0)),
        ([1, 0], [False, True], (0.0, 0.0, 0.0, 0.0)),
        ([1, 0], [True, False], (1.0, 1.0, 1.0, 1.0)),
        ([-1, -1], [True, False], (np.nan, np.nan, np.nan, np.nan)),
    ],
)
def test_undefined_is_nan_and_a_collapsed_class_is_zero(targets, calls, expected):
    counts = confusion_counts(column(targets, np.int8), column(calls, np.bool_))
    scores = [score(counts)[0] for score in (precision, recall, specificity, f1)]
    np.testing.assert_array_equal(scores, expected)


def test_a_class_without_threshold_is_not_judged():
    targets, probs = draw_case(seed=4)
    counts = count_at_thresholds(targets, probs, np.array([0.5, np.nan, 0.5, 0.5]))
    for score in (precision, recall, specificity, f1):
        np.testing.assert_array_equal(np.isnan(score(counts)), [False, True, False, False])


def best_f1_of_all_thresholds(targets, probs):
    known = targets >= 0
    candidates = [*np.unique(probs[known]), 2.0]
    return max(
        f1_score(targets[known], probs[known] >= threshold, zero_division=0)
        for threshold in candidates
    )


@given(
    st.lists(
        st.tuples(
            st.sampled_from([-1, 0, 1]),
            st.one_of(st.sampled_from([0.0, 0.2, 0.7, 1.0]), st.floats(0, 1)),
        ),
        max_size=25,
    )
)
def test_no_threshold_beats_the_fitted_one(rows):
    targets = column([row[0] for row in rows], np.int8)
    probs = column([row[1] for row in rows])
    thresholds = fit_f1_thresholds(targets, probs)
    if not (targets == 1).any():
        assert np.isnan(thresholds[0])
        return
    assert 0 <= thresholds[0] <= 1
    reached = f1(count_at_thresholds(targets, probs, thresholds))[0]
    assert reached == pytest.approx(best_f1_of_all_thresholds(targets[:, 0], probs[:, 0]))


@pytest.mark.parametrize(
    ("targets", "probs", "expected"),
    [
        ([0, 0, 1, 1], [0.1, 0.2, 0.4, 0.8], 0.3),  # midway to the negative below
        ([1, 0, 0, 0, 0, 0, 1], [0.1, 0.2, 0.2, 0.3, 0.3, 0.3, 0.9], 0.6),
        ([-1, 0, 1], [0.39, 0.2, 0.4], 0.3),  # an unknown image is no neighbour
        ([1, 1, 0], [0.6, 0.4, 0.9], 0.0),  # calling everything positive is best
        # 0.8 and 0.2 both reach F1 = 2/3: the higher is taken, midway to the positive below it
        ([1, 0, 0, 1], [0.8, 0.5, 0.5, 0.2], 0.65),
        ([1, 1], [0.5, 0.5], 0.0),
    ],
)
def test_where_the_threshold_lies(targets, probs, expected):
    thresholds = fit_f1_thresholds(column(targets, np.int8), column(probs))
    assert thresholds[0] == pytest.approx(expected)


@pytest.mark.parametrize("higher", [0.7, np.nextafter(0.7, 0)])
def test_neighbouring_floats_stay_apart(higher):
    # Rounding is to even: of two successive pairs, one has its middle rounded to the lower float.
    lower = np.nextafter(higher, 0)
    targets, probs = column([1, 0], np.int8), column([higher, lower])
    assert f1(count_at_thresholds(targets, probs, fit_f1_thresholds(targets, probs)))[0] == 1.0


@pytest.mark.parametrize("value", [-0.1, 1.5, np.inf, np.nan])
def test_fitting_refuses_what_is_no_probability(value):
    targets, probs = draw_case(seed=1)
    probs[9, 2] = value
    with pytest.raises(ValueError, match="class 2, row 9"):
        fit_f1_thresholds(targets, probs)


def test_crossfit_equals_fitting_and_judging_by_hand():
    targets, probs = draw_case(seed=6)
    targets = mask_at_random(targets, seed=7)
    groups = np.random.default_rng(8).integers(1, 120, len(targets))
    first = assign_halves(targets, groups)
    expected = np.full(4, np.nan)
    for position in range(4):
        called = np.zeros(len(targets), dtype=bool)
        for fitted in (first, ~first):
            threshold = fit_f1_thresholds(targets[fitted], probs[fitted])[position]
            called[~fitted] = probs[~fitted, position] >= threshold
        known = targets[:, position] >= 0
        expected[position] = f1_score(targets[known, position], called[known])
    np.testing.assert_allclose(crossfit_f1(targets, probs, groups), expected, rtol=1e-12)


def test_crossfit_of_noise_is_below_the_optimistic_fit():
    rng = np.random.default_rng(11)
    targets = (rng.random((300, 40)) < 0.03).astype(np.int8)
    probs = rng.random(targets.shape)
    optimistic = f1(count_at_thresholds(targets, probs, fit_f1_thresholds(targets, probs)))
    honest = crossfit_f1(targets, probs, np.arange(300))
    assert np.nanmean(honest) < 0.8 * np.nanmean(optimistic)


def test_crossfit_is_nan_where_one_patient_has_all_positives():
    groups = np.arange(40) // 2
    targets = np.zeros((40, 2), dtype=np.int8)
    targets[:2, 0] = 1
    targets[2:10, 1] = 1
    scores = crossfit_f1(targets, np.random.default_rng(0).random((40, 2)), groups)
    np.testing.assert_array_equal(np.isnan(scores), [True, False])


def test_crossfit_needs_one_group_a_row():
    targets, probs = draw_case(seed=1)
    with pytest.raises(ValueError, match="500 rows need as many groups"):
        crossfit_f1(targets, probs, np.arange(499))


def test_halves_are_even_and_depend_on_neither_order_nor_type():
    rng = np.random.default_rng(1)
    patients = rng.integers(0, 3000, 8000)
    targets = (rng.random((8000, 6)) < [0.001, 0.005, 0.02, 0.1, 0.2, 0]).astype(np.int8)
    halves = assign_halves(targets, patients)
    assert abs(halves.mean() - 0.5) < 0.03
    order = rng.permutation(8000)
    again = assign_halves(targets[order], patients[order].astype(str))
    np.testing.assert_array_equal(again, halves[order])
    for patient in np.unique(patients):
        assert len(set(halves[patients == patient])) == 1
    for column in range(5):
        positives = halves[targets[:, column] == 1]
        assert abs(positives.mean() - 0.5) <= max(1.5 / positives.size, 0.02)


def test_no_label_of_two_patients_falls_into_one_half():
    for seed in range(300):
        rng = np.random.default_rng(seed)
        patients = rng.integers(0, 60, 120)
        targets = (rng.random((120, 8)) < [0.03, 0.03, 0.04, 0.05, 0.1, 0.2, 0.3, 0.4]).astype(
            np.int8
        )
        halves = assign_halves(targets, patients)
        for column in range(8):
            rows = targets[:, column] == 1
            if len(np.unique(patients[rows])) > 1:
                assert 0 < halves[rows].mean() < 1, (seed, column)


def test_without_positives_halves_are_frozen():
    # By CRC-32 alone: the half of an id is the same on every machine and in every year.
    targets = np.zeros((5, 1), dtype=np.int8)
    frozen = [True, True, True, True, False]
    assert assign_halves(targets, np.array([1, 2, 3, 13, 30805])).tolist() == frozen
