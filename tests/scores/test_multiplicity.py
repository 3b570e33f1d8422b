"""Holm's correction against its definition as a procedure, and against the error rate it states."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm, studentized_range

from xlite.scores.multiplicity import adjust_holm, adjust_max_t

P_VALUES = st.lists(st.one_of(st.floats(0, 1), st.just(float("nan"))), min_size=0, max_size=15)


def reject_step_down(p, level):
    """Holm's procedure as he describes it: go up from the smallest, stop at the first failure."""
    rejected = np.zeros(len(p), dtype=bool)
    remaining = [index for index in np.argsort(p) if not np.isnan(p[index])]
    while remaining and p[remaining[0]] * len(remaining) <= level:
        rejected[remaining.pop(0)] = True
    return rejected


@given(P_VALUES, st.floats(0.001, 0.999))
def test_rejects_what_the_step_down_procedure_rejects(p, level):
    p = np.array(p)
    np.testing.assert_array_equal(adjust_holm(p) <= level, reject_step_down(p, level))


def test_agrees_with_r():
    # p.adjust(c(0.01, 0.02, 0.03, 0.04, 0.05), "holm")
    p = np.array([0.01, 0.02, 0.03, 0.04, 0.05])
    np.testing.assert_allclose(adjust_holm(p), [0.05, 0.08, 0.09, 0.09, 0.09])


@given(P_VALUES)
def test_lies_between_the_raw_value_and_bonferroni(p):
    p = np.array(p)
    known = ~np.isnan(p)
    adjusted = adjust_holm(p)
    np.testing.assert_array_equal(np.isnan(adjusted), ~known)
    assert (adjusted[known] >= p[known]).all()
    # The step-down maximum never passes the largest Bonferroni value, smallest p: equal.
    bonferroni = np.minimum(1, p[known] * known.sum())
    assert (adjusted[known] <= bonferroni).all()


def test_chance_of_any_false_finding_is_the_level():
    rng = np.random.default_rng(0)
    p = rng.random((4000, 14))
    p[:, :4] *= 1e-4
    corrected = np.array([adjust_holm(row)[4:].min() for row in p])
    assert 0.035 < np.mean(corrected < 0.05) < 0.065
    assert np.mean(p[:, 4:].min(axis=1) < 0.05) > 0.35


@pytest.mark.parametrize("p", [np.array([0.2, -0.1]), np.array([1.1]), np.zeros((2, 2))])
def test_what_is_no_p_value_is_refused(p):
    with pytest.raises(ValueError, match=r"in \[0, 1\]"):
        adjust_holm(p)


def test_max_t_is_tukeys_test_of_independent_means():
    rng = np.random.default_rng(3)
    means = rng.normal(size=(20000, 4))
    pairs = [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]
    null = np.array([np.abs(means[:, a] - means[:, b]) / np.sqrt(2) for a, b in pairs]).T
    statistics = np.array([0.5, 2.0, 2.569, 3.0, 4.0, 1.0])
    # Of a normal range of four over √2 the upper 5 % point is 3.633 / √2 = 2.569.
    expected = studentized_range.sf(statistics * np.sqrt(2), 4, np.inf)
    np.testing.assert_allclose(adjust_max_t(statistics, null), expected, atol=0.01)
    assert adjust_max_t(statistics, null)[2] == pytest.approx(0.05, abs=0.005)


def test_max_t_leaves_out_what_has_no_statistic():
    null = np.array([[1.0, np.nan], [3.0, np.nan], [np.nan, np.nan]])
    adjusted = adjust_max_t(np.array([2.0, np.nan]), null)
    np.testing.assert_array_equal(adjusted, [0.5, np.nan])


def test_ten_equal_models_of_which_the_best_is_picked():
    rng = np.random.default_rng(4)
    pairs = list(itertools.combinations(range(10), 2))

    def statistics_of(means):
        return np.stack([np.abs(means[:, a] - means[:, b]) / np.sqrt(2) for a, b in pairs], axis=1)

    null = statistics_of(rng.normal(size=(4000, 10)))
    means = rng.normal(size=(1000, 10))
    found = np.mean([adjust_max_t(one, null).min() < 0.05 for one in statistics_of(means)])
    lead = (means.max(axis=1, keepdims=True) - np.sort(means, axis=1)[:, :-1]) / np.sqrt(2)
    picked = np.mean([adjust_holm(2 * norm.sf(one)).min() < 0.05 for one in lead])
    assert found < 0.07
    assert picked > 0.1, "corrected for nine tests, but the data chose which nine"
