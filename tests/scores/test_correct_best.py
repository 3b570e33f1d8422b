"""The best of several, corrected for the choice: a planted truth, small."""

from __future__ import annotations

import numpy as np
import pytest

from xlite.errors import ArgumentError
from xlite.scores.selection import correct_best

_SPREAD = 0.02
_ALIKE = 0.7
_CASES = 100


def draw(rng: np.random.Generator, rows: int, count: int) -> np.ndarray:
    """Noise of candidates on the same patients, (rows, count)."""
    shared, own = rng.normal(size=(rows, 1)), rng.normal(size=(rows, count))
    return _SPREAD * (np.sqrt(_ALIKE) * shared + np.sqrt(1 - _ALIKE) * own)


def miss(truth: np.ndarray, *, trials: int = 100) -> tuple[float, float, float]:
    """The mean error as measured and corrected, and how often the interval holds the truth."""
    rng = np.random.default_rng(5)
    found = []
    for _ in range(trials):
        scores = truth + draw(rng, 1, len(truth))[0]
        best = correct_best(scores, scores + draw(rng, 400, len(truth)))
        true = truth[best.place]
        found.append((best.measured - true, best.corrected - true, best.low <= true <= best.high))
    measured, corrected, held = np.array(found, dtype=np.float64).mean(axis=0)
    return float(measured), float(corrected), float(held)


def test_equal_candidates_are_corrected_to_their_truth() -> None:
    measured, corrected, held = miss(np.full(50, 0.8))
    assert abs(corrected) < 0.006
    assert 0.88 <= held <= 1
    # Ensure that this was a meaningful test.
    assert measured > 0.02


def test_noise_that_is_less_near_one_makes_no_winner_surer() -> None:
    rng = np.random.default_rng(2)
    missed = []
    for _ in range(100):
        found = rng.binomial(_CASES, 0.9, size=30) / _CASES
        best = correct_best(found, rng.binomial(_CASES, found, size=(400, 30)) / _CASES)
        missed.append((best.measured - 0.9, best.corrected - 0.9))
    measured, corrected = np.mean(missed, axis=0)
    assert abs(corrected) < 0.012
    # Ensure that this was a meaningful test.
    assert measured > 0.04


def test_scores_at_the_ends_are_as_measured() -> None:
    best = correct_best(np.array([1.0, 0.5]), np.full((100, 2), (1.0, 0.5)), limits=(0.9, 1.0))
    assert (best.corrected, best.low, best.high) == pytest.approx((1.0, 0.9, 1.0))


def test_one_that_is_truly_best_keeps_its_score() -> None:
    truth = np.full(50, 0.8)
    truth[3] += 0.08
    measured, corrected, held = miss(truth)
    assert abs(corrected - measured) < 0.002
    assert held >= 0.88


def test_the_best_of_one_and_of_copies_are_as_measured() -> None:
    noise = draw(np.random.default_rng(0), 400, 1)
    alone = correct_best(np.array([0.8]), 0.8 + noise, limits=(0.7, 0.85))
    copies = correct_best(np.array([0.8, 0.8]), 0.8 + noise @ np.ones((1, 2)), limits=(0.7, 0.85))
    assert (alone.corrected, alone.low, alone.high) == pytest.approx((0.8, 0.7, 0.85))
    assert copies.corrected == pytest.approx(0.8)
    # By another part of the resamples than the plain interval.
    assert (copies.low, copies.high) == pytest.approx((0.7, 0.85), abs=0.01)


def test_what_another_score_chose_independently_loses_nothing() -> None:
    rng = np.random.default_rng(1)
    scores, drawn = np.full(20, 0.8), 0.8 + _SPREAD * rng.normal(size=(1000, 20))
    by, drawn_by = 0.5 + rng.normal(size=20) * 0.01, 0.5 + 0.01 * rng.normal(size=(1000, 20))
    best = correct_best(scores, drawn, chosen_by=(by, drawn_by))
    assert best.place == int(by.argmax())
    assert best.optimism < 0.006
    with pytest.raises(ArgumentError, match=r"draws"):
        correct_best(scores, drawn[:, :3])
