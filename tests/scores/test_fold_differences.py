"""A difference over folds: the corrected test against planted truth, the naive one beside it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from benchmarks.fold_learners import draw_trial
from xlite.scores.fold_differences import FoldDifference, compare_folds


def simulate(trials: int, *, repeats: int, gain: float = 0.0) -> FoldDifference:
    """What the tests say of learners of which the second is better by what `gain` makes of it."""
    rng = np.random.default_rng(1)
    drawn = [draw_trial(rng, repeats=repeats, gain=gain)[0].differences for _ in range(trials)]
    return compare_folds(np.array(drawn).T, repeats=repeats, test_per_train=1 / 4)


@pytest.mark.parametrize(("repeats", "trials", "naive"), [(1, 800, 0.07), (2, 500, 0.17)])
def test_equal_learners_are_told_apart_in_at_most_5_percent_where_the_naive_test_errs_far_more(
    repeats: int, trials: int, naive: float
) -> None:
    found = simulate(trials, repeats=repeats)
    errors, naive_errors = ((p < 0.05).mean() for p in (found.p, found.p_naive))
    chance = 2 * np.sqrt(0.05 * 0.95 / trials)
    assert errors <= 0.05 + chance
    assert naive_errors > naive
    assert naive_errors > 2 * errors
    # The limits and p are one test.
    assert np.array_equal(found.p < 0.05, (found.low > 0) | (found.high < 0))


def test_a_better_learner_is_found() -> None:
    found = simulate(300, repeats=1, gain=0.3)
    assert (found.low > 0).mean() > 0.5
    assert (found.high < 0).mean() == 0


def test_equals_students_t_of_one_sample_without_the_correction() -> None:
    differences = np.random.default_rng(0).normal(0.01, 0.02, 5)
    found = compare_folds(differences, test_per_train=0.25)
    expected = stats.ttest_1samp(differences, 0)
    assert found.p_naive == pytest.approx(expected.pvalue)
    error = differences.std(ddof=1) * np.sqrt(1 / 5 + 1 / 4)
    assert found.standard_error == pytest.approx(error)
    assert found.p == pytest.approx(2 * stats.t.sf(abs(differences.mean()) / error, 4))
    assert found.high == pytest.approx(differences.mean() + stats.t.ppf(0.975, 4) * error)


def test_repeats_steady_the_mean_and_are_no_more_folds() -> None:
    once = np.array([0.01, 0.03, 0.02, 0.04, 0.0])
    found = compare_folds(np.tile(once, 2), repeats=2, test_per_train=0.25)
    # s² of F = 10 values; the degrees of freedom are those of five folds.
    error = np.tile(once, 2).std(ddof=1) * np.sqrt(1 / 10 + 1 / 4)
    assert found.p == pytest.approx(2 * stats.t.sf(0.02 / error, 4))


def test_folds_without_the_finding_are_left_out_of_each_class_alone() -> None:
    differences = np.array([[0.01, 0.01], [0.02, np.nan], [0.04, 0.04], [0.0, np.nan]])
    found = compare_folds(differences, test_per_train=1 / 3)
    assert found.num_folds.tolist() == [4, 2]
    assert found.difference == pytest.approx([0.0175, 0.025])
    alone = compare_folds(np.array([0.01, 0.04]), test_per_train=1 / 3)
    assert found.p[1] == pytest.approx(float(alone.p))


def test_one_fold_decides_nothing_and_equal_predictions_differ_by_nothing() -> None:
    one = compare_folds(np.array([0.02, np.nan, np.nan]), test_per_train=0.5)
    assert one.difference == 0.02
    assert np.isnan([one.p, one.p_naive, one.low, one.high]).all()
    none = compare_folds(np.full((3, 1), np.nan), test_per_train=0.5)
    assert np.isnan(none.difference).all()
    assert compare_folds(np.zeros(5), test_per_train=0.25).p == 1.0
