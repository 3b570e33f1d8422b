"""P(worse), P(equivalent) and P(better): what they are, against intervals and Student's t."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import t as student

from xlite.scores.chances import Chances, find_chances
from xlite.scores.fold_differences import compare_folds
from xlite.scores.seed_variance import SeedNoise, SeedVariance, combine_seeds


def _one_source(freedom: float) -> SeedVariance:
    """A difference of 0.004 of which images alone are uncertain, by 0.005."""
    drawn = 0.004 + 0.005 * np.array([[-1.0, 0.0, 1.0]])
    return combine_seeds(np.array([0.004]), drawn, image_freedom=freedom)


@pytest.mark.parametrize("freedom", [4.0, 30.0])
def test_of_one_source_they_are_the_tails_of_student(freedom: float) -> None:
    found = find_chances(_one_source(freedom), 0.01)
    worse, better = student.cdf(-0.014 / 0.005, freedom), student.sf(0.006 / 0.005, freedom)
    assert float(found.worse) == pytest.approx(worse, abs=1e-8)
    assert float(found.better) == pytest.approx(better, abs=1e-8)
    assert float(found.equivalent) == pytest.approx(1 - worse - better, abs=1e-8)


def test_an_interval_of_90_percent_within_the_margin_leaves_5_percent_on_either_side() -> None:
    rng = np.random.default_rng(0)
    differences = np.array([0.001, 0.004, -0.002])
    drawn = differences[:, None] + 0.003 * rng.normal(size=(3, 400))
    found = combine_seeds(differences, drawn, image_freedom=20, level=0.9)
    for limit in (found.low, found.high):
        below = float(found.chance_below(float(limit)))
        assert min(below, 1 - below) == pytest.approx(0.05, abs=1e-6)
    # A limit at 0 halves the two-sided p.
    assert 2 * min(float(found.chance_below(0.0)), 1 - float(found.chance_below(0.0))) == (
        pytest.approx(float(found.p), abs=1e-9)
    )


def test_over_folds_they_are_the_bayesian_correlated_t_test() -> None:
    change = np.array([0.02, 0.01, 0.03, -0.01, 0.02])
    found = find_chances(compare_folds(change, test_per_train=0.25), 0.01)
    # Benavoli et al. 2017, eq. 8: St(mean, (1/n + rho / (1 - rho)) variance, n - 1), rho = 1/5.
    error = np.sqrt((1 / 5 + 0.2 / 0.8) * change.var(ddof=1))
    assert float(found.worse) == pytest.approx(student.cdf((-0.01 - 0.014) / error, 4))
    assert float(found.better) == pytest.approx(student.sf((0.01 - 0.014) / error, 4))


def test_they_sum_to_1_and_a_margin_of_0_leaves_nothing_equivalent() -> None:
    for margin in (0.0, 0.01, 0.5):
        found = find_chances(_one_source(9), margin)
        assert float(found.worse + found.equivalent + found.better) == pytest.approx(1, abs=1e-12)
    assert float(find_chances(_one_source(9), 0.0).equivalent) == pytest.approx(0, abs=1e-12)


def test_of_the_very_same_predictions_nothing_is_said() -> None:
    same = combine_seeds(np.zeros(2), np.zeros((2, 50)))
    assert np.isnan(float(find_chances(same, 0.01).equivalent))
    assert np.isnan(float(find_chances(compare_folds(np.zeros(5), test_per_train=1), 0.0).worse))


def test_two_tests_that_contradict_each_other_leave_half_and_half() -> None:
    def sure(worse: float, better: float) -> Chances:
        return Chances(
            worse=np.array(worse),
            equivalent=np.array(1 - worse - better),
            better=np.array(better),
        )

    joined = sure(0.99, 0.0).join(sure(0.0, 0.9))
    assert (float(joined.worse), float(joined.equivalent), float(joined.better)) == (0.5, 0.0, 0.5)
    joined = sure(0.03, 0.0).join(sure(0.0, 0.99))
    assert (float(joined.worse), float(joined.better)) == (0.03, 0.97)
    assert np.isnan(float(sure(np.nan, np.nan).join(sure(0.1, 0.1)).worse))


def test_a_seed_of_its_own_freedom_has_no_say_with_one_seed() -> None:
    alone = SeedNoise(variance=np.array(np.nan), freedom=np.array(0.0))
    drawn = 0.004 + 0.005 * np.array([[-1.0, 0.0, 1.0]])
    found = combine_seeds(np.array([0.004]), drawn, noise=alone, image_freedom=9)
    assert np.isfinite(float(find_chances(found, 0.01).better))
