"""The optimism of a selection, against closed forms and against a planted truth."""

from __future__ import annotations

import math

import numpy as np
import pytest

from xlite.scores.selection import expected_best_of, selection_optimism


def test_the_mean_of_the_largest_normal_value_agrees_with_closed_forms() -> None:
    assert expected_best_of(1) == pytest.approx(0.0, abs=1e-9)
    assert expected_best_of(2) == pytest.approx(1 / math.sqrt(math.pi), abs=1e-6)
    assert expected_best_of(3) == pytest.approx(1.5 / math.sqrt(math.pi), abs=1e-6)
    # Harter 1961, Biometrika 48, table 1.
    assert expected_best_of(10) == pytest.approx(1.53875, abs=1e-4)
    assert expected_best_of(100) == pytest.approx(2.50759, abs=1e-4)


@pytest.mark.parametrize("true_spread", [0.0, 0.01, 0.03])
def test_what_is_said_of_the_best_is_what_it_loses_with_fresh_data(true_spread: float) -> None:
    noise, count = 0.02, 45
    draws = np.random.default_rng(7)
    said, lost = [], []
    for _ in range(200):
        truth = 0.9 + true_spread * draws.standard_normal(count)
        seen = truth + noise * draws.standard_normal(count)
        best = int(seen.argmax())
        said.append(selection_optimism(seen.tolist(), noise))
        lost.append(seen[best] - truth[best])
    # With equal candidates their spread is noise, too: the smaller of the two falls short by 8 %.
    assert np.mean(said) == pytest.approx(np.mean(lost), rel=0.1)
    # Ensure that this was a meaningful test.
    assert np.mean(lost) > 0.01


def test_the_order_of_scores_does_not_matter() -> None:
    scores = [0.80, 0.82, 0.84, 0.83, 0.81]
    assert selection_optimism(scores[::-1], 0.01) == selection_optimism(scores, 0.01)


def test_one_score_and_equal_scores_are_not_too_good() -> None:
    assert selection_optimism([0.9], 0.02) == 0.0
    assert selection_optimism([0.9, 0.9, 0.9], 0.02) == 0.0
