"""How often intervals of calibration hold a truth that is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from xlite.scores.calibration import fit_calibration_line
from xlite.scores.calibration_interval import limit_calibration
from xlite.scores.reliability import expected_calibration_error, trace_reliability

TRIALS = 150


def draw(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Probs that are right on a line of slope 0.7 and intercept -0.4; two films a patient."""
    patients = np.repeat(np.arange(500), 2)
    logits = (rng.normal(size=500) * 1.2 - 1).repeat(2) + 0.3 * rng.normal(size=1000)
    present = rng.random(500).repeat(2) < expit(0.7 * logits - 0.4)
    return present[:, np.newaxis].astype(np.int8), expit(logits)[:, np.newaxis], patients


def test_intervals_hold_the_line_that_probs_were_drawn_from() -> None:
    hits = np.zeros(2)
    for trial in range(TRIALS):
        rng = np.random.default_rng(trial)
        found = limit_calibration(*draw(rng), rng=rng, num_resamples=2)
        for row, (limits, truth) in enumerate(((found.slope, 0.7), (found.intercept, -0.4))):
            hits[row] += limits.low[0] <= truth <= limits.high[0]
    # 95 % ± 1.8 of 150 trials; as if films were patients it would be 83 %.
    assert (hits / TRIALS > 0.90).all(), hits


def test_values_are_those_of_the_plain_scores_and_lie_within() -> None:
    rng = np.random.default_rng(0)
    targets, probs, patients = draw(rng)
    found = limit_calibration(targets, probs, patients, rng=rng, num_resamples=100)
    line = fit_calibration_line(targets, probs)
    assert found.slope.value[0] == line.slope[0]
    assert found.in_the_large.value[0] == line.in_the_large[0]
    ece = expected_calibration_error(trace_reliability(targets, probs))
    assert found.ece.value[0] == ece[0]
    for one in (found.slope, found.intercept, found.in_the_large, found.ece):
        assert one.low[0] < one.value[0] < one.high[0]


def test_a_label_without_positives_has_no_line() -> None:
    targets, probs, patients = draw(np.random.default_rng(0))
    found = limit_calibration(
        np.zeros_like(targets), probs, patients, rng=np.random.default_rng(0), num_resamples=10
    )
    assert np.isnan([found.slope.value[0], found.slope.low[0], found.in_the_large.high[0]]).all()
    assert found.ece.value[0] == pytest.approx(probs.mean(), abs=0.01)
