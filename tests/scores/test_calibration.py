"""Slope, intercept and scaling against scikit-learn's logistic regression and planted shifts."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression

from xlite.scores.calibration import (
    LogitScaling,
    apply_scaling,
    fit_calibration_line,
    fit_platt,
    fit_temperature,
)
from xlite.scores.ranking import auroc
from xlite.scores.reliability import expected_calibration_error, trace_reliability


def draw_case(seed: int, *, num_rows: int = 4000, slope=1.0, intercept=0.0):
    """Calibrated logits and targets, the logits then distorted: (logit - intercept) / slope."""
    rng = np.random.default_rng(seed)
    logits = rng.normal([-3, -1, 0], 1.5, (num_rows, 3))
    targets = (rng.random(logits.shape) < expit(logits)).astype(np.int8)
    targets[rng.random(targets.shape) < 0.1] = -1
    return targets, expit((logits - intercept) / slope)


def regress(wanted, logits, *, fit_intercept=True):
    """scikit-learn's maximum likelihood; soft targets as two weighted rows each."""
    model = LogisticRegression(C=np.inf, tol=1e-12, max_iter=10_000, fit_intercept=fit_intercept)
    rows = np.repeat(logits, 2)[:, None]
    labels = np.tile([1, 0], len(logits))
    weights = np.column_stack([wanted, 1 - wanted]).ravel()
    model.fit(rows, labels, sample_weight=weights)
    return float(model.coef_[0, 0]), float(np.ravel(model.intercept_)[0])


def known_rows(targets, probs, column):
    known = targets[:, column] >= 0
    return targets[known, column].astype(float), logit(probs[known, column])


def test_line_is_the_logistic_regression_of_scikit_learn():
    targets, probs = draw_case(0, slope=0.6, intercept=0.8)
    line = fit_calibration_line(targets, probs)
    for column in range(3):
        slope, intercept = regress(*known_rows(targets, probs, column))
        assert line.slope[column] == pytest.approx(slope, abs=1e-4)
        assert line.intercept[column] == pytest.approx(intercept, abs=1e-4)
    assert (targets == -1).any()


def test_line_finds_the_planted_distortion():
    targets, probs = draw_case(1, num_rows=200_000, slope=0.6, intercept=0.8)
    line = fit_calibration_line(targets, probs)
    np.testing.assert_allclose(line.slope, 0.6, atol=0.02)
    np.testing.assert_allclose(line.intercept, 0.8, atol=0.04)


def test_in_the_large_makes_the_mean_prob_the_prevalence():
    targets, probs = draw_case(2, intercept=0.8)
    large = fit_calibration_line(targets, probs).in_the_large
    scaled = apply_scaling(LogitScaling(slope=np.ones(3), intercept=large), probs)
    known = targets >= 0
    means = [scaled[known[:, c], c].mean() - targets[known[:, c], c].mean() for c in range(3)]
    np.testing.assert_allclose(means, 0, atol=1e-9)
    assert (large > 0.5).all()


def test_temperature_is_the_regression_without_intercept():
    targets, probs = draw_case(3, slope=0.5)
    scaling = fit_temperature(targets, probs)
    np.testing.assert_array_equal(scaling.intercept, 0)
    np.testing.assert_allclose(scaling.slope, 0.5, atol=0.05)
    for column in range(3):
        slope, _ = regress(*known_rows(targets, probs, column), fit_intercept=False)
        assert scaling.slope[column] == pytest.approx(slope, abs=1e-4)


def test_platt_is_the_regression_on_smoothed_targets():
    targets, probs = draw_case(4, num_rows=150, intercept=1.0)
    scaling = fit_platt(targets, probs)
    for column in range(3):
        wanted, logits = known_rows(targets, probs, column)
        m, n = wanted.sum(), (1 - wanted).sum()
        smoothed = np.where(wanted == 1, (m + 1) / (m + 2), 1 / (n + 2))
        slope, intercept = regress(smoothed, logits)
        assert scaling.slope[column] == pytest.approx(slope, abs=1e-4)
        assert scaling.intercept[column] == pytest.approx(intercept, abs=1e-4)
        assert regress(wanted, logits)[0] != pytest.approx(slope, abs=1e-2)


def test_scaling_calibrates_other_images_and_keeps_their_ranking():
    targets, probs = draw_case(5, num_rows=40_000, slope=0.5, intercept=1.5)
    fitted, judged = slice(0, 20_000), slice(20_000, None)
    scaled = apply_scaling(fit_platt(targets[fitted], probs[fitted]), probs[judged])

    def error(said):
        return expected_calibration_error(trace_reliability(targets[judged], said))

    assert (error(scaled) < 0.25 * error(probs[judged])).all()
    np.testing.assert_allclose(
        auroc(targets[judged], scaled), auroc(targets[judged], probs[judged]), atol=1e-9
    )


@pytest.mark.parametrize("slope", [0.03, 0.3, 5.0, 60.0])
def test_converges_from_far_away_and_clips_what_is_certain(slope):
    targets, probs = draw_case(6, num_rows=1000, slope=slope)
    probs = np.clip(probs, 1e-7, 1 - 1e-7)
    found = fit_calibration_line(targets, probs)
    for column in range(3):
        expected = regress(*known_rows(targets, probs, column))
        assert found.slope[column] == pytest.approx(expected[0], rel=1e-3)
        assert found.intercept[column] == pytest.approx(expected[1], abs=1e-3)


def test_never_fails_to_converge_on_ordinary_probs():
    for seed in range(60):
        targets, probs = draw_case(seed, num_rows=500, slope=0.5, intercept=1.0)
        line = fit_calibration_line(targets, probs)
        assert np.isfinite([line.slope, line.intercept, line.in_the_large]).all()


def test_certain_probs_are_finite():
    targets = np.tile(np.array([[1], [0], [1], [0]], dtype=np.int8), (5, 1))
    probs = np.tile([[1.0], [0.0], [0.0], [1.0]], (5, 1)).astype(np.float32)
    probs[0] = 0.5
    line = fit_calibration_line(targets, probs)
    assert np.isfinite(line.slope).all()
    assert np.isfinite(apply_scaling(fit_platt(targets, probs), probs)).all()


def test_a_separated_class_has_no_slope_but_for_platt():
    targets = np.repeat(np.array([[0], [1]], dtype=np.int8), 20, axis=0)
    probs = np.linspace(0.1, 0.9, 40)[:, None]
    assert np.isnan(fit_calibration_line(targets, probs).slope[0])
    assert np.isnan(fit_temperature(targets, probs).slope[0])
    assert 1 < fit_platt(targets, probs).slope[0] < 100


def test_equal_probs_leave_the_line_open_but_not_the_large():
    targets = np.array([[0], [1], [0], [0]], dtype=np.int8)
    line = fit_calibration_line(targets, np.full((4, 1), 0.5))
    assert np.isnan(line.slope[0])
    assert line.in_the_large[0] == pytest.approx(np.log(1 / 3))


@pytest.mark.parametrize("label", [0, 1, -1])
def test_a_class_of_one_kind_is_nan_and_stays_nan(label):
    targets, probs = draw_case(7)
    targets[:, 1] = label
    for fit in (fit_calibration_line, fit_temperature, fit_platt):
        assert np.isnan(fit(targets, probs).slope).tolist() == [False, True, False]
    scaled = apply_scaling(fit_platt(targets, probs), probs)
    assert np.isnan(scaled).all(axis=0).tolist() == [False, True, False]
