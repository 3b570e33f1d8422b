"""Prevalence estimated from probs, and put into them, where the truth is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from xlite.scores.label_shift import estimate_prevalence, move_prevalence


def draw(rng: np.random.Generator, prevalence: float, *, images: int = 20_000) -> tuple:
    """Two normal distributions, of which the prob at a prevalence of 0.2 is known."""
    targets = (rng.random((images, 1)) < prevalence).astype(np.int8)
    values = rng.normal(size=targets.shape) + 1.5 * targets
    return targets, expit(1.5 * values - 1.5**2 / 2 + np.log(0.2 / 0.8))


def run_em(probs: np.ndarray, before: float) -> float:
    """Saerens' own iteration."""
    prevalence = before
    for _ in range(2000):
        odds = probs / (1 - probs) * prevalence / (1 - prevalence) * (1 - before) / before
        prevalence = float((odds / (1 + odds)).mean())
    return prevalence


@pytest.mark.parametrize("prevalence", [0.03, 0.2, 0.5])
def test_the_prevalence_is_found_without_labels(prevalence: float) -> None:
    targets, probs = draw(np.random.default_rng(0), prevalence)
    before = np.array([0.2])
    patients = np.arange(len(targets))
    found = estimate_prevalence(targets, probs, before, patients)
    assert found.value[0] == pytest.approx(prevalence, abs=0.01)
    assert found.low[0] < prevalence < found.high[0] < found.low[0] + 0.03
    assert found.value[0] == pytest.approx(run_em(probs[:, 0], 0.2), abs=1e-6)
    blind = estimate_prevalence(np.zeros_like(targets), probs, before, patients)
    assert blind.value[0] == found.value[0]


def test_probs_that_tell_nothing_leave_the_prevalence_open() -> None:
    rng = np.random.default_rng(0)
    probs = 0.2 + 0.001 * rng.random((300, 1))
    targets = (rng.random((300, 1)) < 0.1).astype(np.int8)
    found = estimate_prevalence(targets, probs, np.array([0.2]), np.arange(300))
    assert (found.low[0], found.high[0]) == (0, 1)


def test_moved_probs_are_right_at_the_new_prevalence() -> None:
    targets, probs = draw(np.random.default_rng(1), 0.05, images=200_000)
    moved = move_prevalence(probs, np.array([0.2]), np.array([0.05]))
    assert abs(probs.mean() - targets.mean()) > 0.03
    for low, high in ((0.0, 0.05), (0.05, 0.2), (0.2, 0.6)):
        rows = (moved > low) & (moved <= high)
        assert moved[rows].mean() == pytest.approx(targets[rows].mean(), abs=0.01)
    back = move_prevalence(moved, np.array([0.05]), np.array([0.2]))
    np.testing.assert_allclose(back, probs, atol=1e-9)


def test_what_can_not_be_told_is_nan() -> None:
    targets = np.array([[-1, 0], [-1, 1]], dtype=np.int8)
    before = np.array([0.2, np.nan])
    found = estimate_prevalence(targets, np.full((2, 2), 0.5), before, np.arange(2))
    assert np.isnan([found.value, found.low, found.high]).all()
