"""The class shares that sampling weights can reach, nearest to those that are wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

INSIDE = 0.01
"""How far inside its bounds, on the way to uniform, each weight is in a nearest feasible target."""


def find_nearest_shares(
    present: NDArray[np.float64],
    base: NDArray[np.float64],
    target: NDArray[np.float64],
    *,
    floor: float = 0.0,
    cap: float | None = None,
) -> NDArray[np.float64]:
    """The reachable class shares with the smallest total absolute distance from `target`.

    present: (K, C) of 0 and 1, sets with at least one label. base: (K,), the uniform
    distribution over the sets. target: (C,) shares with sum 1. floor, cap: the smallest and
    largest weight relative to uniform, in [0, 1) and above 1. Weights stay a hundredth inside
    both, so that no image is dropped to make room and max-entropy weights exist for the
    answer. Of several nearest targets the one with the most even excess and lack is taken.

    With masses m_k scaled so that sum_k m_k |y_k| = 1 the shares sum_k m_k y_k are linear in
    m, so this is a linear program, solved by HiGHS (Huangfu & Hall 2018,
    Math. Prog. Comp. 10:119).

    >>> present = np.array([[1.0, 1.0], [0.0, 1.0]])  # the first label never stands alone
    >>> find_nearest_shares(present, np.array([0.5, 0.5]), np.array([0.6, 0.4])).round(3)
    array([0.499, 0.501])
    """
    # A fifth of a second to import, and few solutions need it.
    from scipy.optimize import linprog

    num_sets, num_classes = present.shape
    program = _state_program(present, base, floor + INSIDE * (1 - floor), cap)
    width = num_sets + 1
    # The tie-break on the largest excess and lack must stay below the distance it breaks.
    cost = np.concatenate([np.zeros(width), np.ones(2 * num_classes), [1e-3, 1e-3]])
    solution = linprog(
        cost,
        A_ub=program.inequalities,
        b_ub=np.zeros(program.inequalities.shape[0]),
        A_eq=program.equalities,
        b_eq=np.concatenate([target, [1.0, 0.0]]),
        method="highs",
    )
    if solution.x is None:  # Uniform weights satisfy the program, so only HiGHS can fail.
        raise ArithmeticError(f"the search for the nearest class shares failed: {solution.message}")
    excess, lack = solution.x[width : width + 2 * num_classes].reshape(2, num_classes)
    nearest = np.maximum(target + excess - lack, 0)
    return np.asarray(nearest / nearest.sum())


class _Program(NamedTuple):
    """The constraints of the linear program, as sparse matrices over its unknowns.

    Unknowns: v (K), s, excess (C), lack (C), largest excess, largest lack. The masses are
    m = v + floor * s * base, where s = sum(m).
    """

    # scipy-stubs know dense constraints only; linprog takes sparse ones.
    equalities: Any
    inequalities: Any


def _state_program(
    present: NDArray[np.float64], base: NDArray[np.float64], floor: float, cap: float | None
) -> _Program:
    from scipy import sparse

    num_sets, num_classes = present.shape
    num_labels = present.sum(axis=1)
    eye = sparse.identity(num_classes)
    balance: list[list[Any]] = [
        [present.T, floor * (present.T @ base)[:, None], -eye, eye, None],
        [num_labels[None], [[floor * (num_labels @ base)]], None, None, None],
        [np.ones((1, num_sets)), [[floor - 1.0]], None, None, sparse.csr_matrix((1, 2))],
    ]
    ones = np.ones((num_classes, 1))
    limits: list[list[Any]] = [
        [sparse.csr_matrix((num_classes, num_sets)), None, eye, None, -ones, None],
        [None, sparse.csr_matrix((num_classes, 1)), None, eye, None, -ones],
    ]
    if cap is not None:
        room = cap - INSIDE * (cap - 1) - floor
        limits.append([sparse.identity(num_sets), -room * base[:, None], None, None, None, None])
    return _Program(sparse.bmat(balance, format="csc"), sparse.bmat(limits, format="csc"))
