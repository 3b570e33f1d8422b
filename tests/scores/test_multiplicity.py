"""Holm's correction against its definition as a procedure, and against the error rate it states."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xlite.scores.multiplicity import adjust_holm

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
