"""Brier score and reliability against scikit-learn and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss

from xlite.scores.reliability import brier_score, expected_calibration_error, trace_reliability


def draw_case(seed: int, *, num_rows: int = 1000):
    """Calibrated probs of three classes, the last a rare one."""
    rng = np.random.default_rng(seed)
    probs = rng.beta(2, [3, 5, 60], (num_rows, 3))
    return (rng.random(probs.shape) < probs).astype(np.int8), probs


def hide(targets, rng):
    targets = targets.copy()
    targets[rng.random(targets.shape) < 0.2] = -1
    return targets


def test_brier_score_is_scikit_learns():
    targets, probs = draw_case(0)
    targets = hide(targets, np.random.default_rng(1))
    expected = [
        brier_score_loss(targets[known, c], probs[known, c])
        for c, known in enumerate((targets >= 0).T)
    ]
    np.testing.assert_allclose(brier_score(targets, probs), expected, rtol=1e-12)
    assert (targets == -1).any()


def test_curve_is_scikit_learns_quantile_curve():
    targets, probs = draw_case(2)
    curve = trace_reliability(targets, probs, num_bins=10)
    np.testing.assert_array_equal(curve.count, 100)
    for column in range(3):
        observed, said = calibration_curve(
            targets[:, column], probs[:, column], n_bins=10, strategy="quantile"
        )
        np.testing.assert_allclose(curve.observed[column], observed, atol=1e-12)
        np.testing.assert_allclose(curve.mean_prob[column], said, atol=1e-12)


def test_error_is_the_weighted_distance_of_the_curve():
    targets, probs = draw_case(3, num_rows=997)
    order = np.argsort(probs[:, 0])
    bins = np.array_split(order, 10)
    # 997 rows do not divide by 10: the bins may differ by a row, and the error by a row's share.
    expected = sum(
        len(rows) / 997 * abs(targets[rows, 0].mean() - probs[rows, 0].mean()) for rows in bins
    )
    found = expected_calibration_error(trace_reliability(targets, probs, num_bins=10))
    assert found[0] == pytest.approx(expected, abs=2e-3)


def test_one_bin_is_the_difference_of_means_without_the_unknown():
    targets, probs = draw_case(4)
    targets = hide(targets, np.random.default_rng(5))
    known = targets >= 0
    expected = [
        abs(targets[known[:, c], c].mean() - probs[known[:, c], c].mean()) for c in range(3)
    ]
    found = expected_calibration_error(trace_reliability(targets, probs, num_bins=1))
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_order_of_the_rows_does_not_matter_and_ties_share_a_bin():
    targets, probs = draw_case(6)
    probs = np.round(probs, 1)
    order = np.random.default_rng(7).permutation(len(probs))
    curve = trace_reliability(targets, probs, num_bins=7)
    shuffled = trace_reliability(targets[order], probs[order], num_bins=7)
    np.testing.assert_array_equal(curve.count, shuffled.count)
    np.testing.assert_allclose(curve.observed, shuffled.observed, atol=1e-12)
    # Eleven levels in seven bins: somewhere a bin is larger than an even share.
    assert curve.count.max() > 1000 / 7
    np.testing.assert_array_equal(curve.count.sum(axis=1), 1000)
    assert np.isnan(curve.observed[curve.count == 0]).all()


def test_perfect_model_has_a_small_error_and_a_shifted_one_its_shift():
    targets, probs = draw_case(8, num_rows=200_000)
    perfect = expected_calibration_error(trace_reliability(targets, probs))
    assert (perfect < 0.005).all()
    shifted = expected_calibration_error(trace_reliability(targets, np.minimum(probs + 0.1, 1)))
    np.testing.assert_allclose(shifted, 0.1, atol=0.005)


def test_floor_of_the_error_is_what_the_docstring_says():
    rng = np.random.default_rng(9)
    probs = np.full((3000, 400), 0.2) + 1e-6 * rng.random((3000, 400))
    targets = (rng.random(probs.shape) < 0.2).astype(np.int8)
    found = expected_calibration_error(trace_reliability(targets, probs, num_bins=15)).mean()
    assert found == pytest.approx(np.sqrt(2 * 15 * 0.2 * 0.8 / (3000 * 3.14)), rel=0.05)


def test_nothing_known_is_nan():
    targets, probs = draw_case(10)
    targets[:, 1] = -1
    assert np.isnan(brier_score(targets, probs)).tolist() == [False, True, False]
    error = expected_calibration_error(trace_reliability(targets, probs))
    assert np.isnan(error).tolist() == [False, True, False]


def test_probs_outside_0_1_are_refused():
    targets, probs = draw_case(11)
    with pytest.raises(ValueError, match=r"probs outside \[0, 1\]"):
        brier_score(targets, probs * 3)
