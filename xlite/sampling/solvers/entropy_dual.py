"""The weights closest to uniform under linear constraints, by Newton's method on the dual.

K distinct label sets, D constraints. Among all ratios r to uniform, 0 <= r_k <= cap, with
sum_k u_k r_k = 1 and sum_k u_k r_k f_k = 0, the one with the largest entropy (Jaynes 1957,
Phys. Rev. 106:620) is r_k = min(cap, exp(theta . f_k - a)). Its dual is convex in theta:

    D(theta) = min_a  a - 1 + sum_k u_k psi(theta . f_k - a),

with psi(z) = exp(z) below log(cap) and its tangent above, so that psi' = min(cap, exp(z)).
Without a cap D is log sum_k u_k exp(theta . f_k).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

RESIDUAL_TOLERANCE = 1e-10
"""Largest |sum_k u_k r_k f_k| of a solution."""
_MAX_STEPS = 100
# Constraints that only the limit of zero weights meets make Newton walk at unit speed for
# ever, and its residual shrinks by e a step. A solution that exists is reached quadratically.
_WALKING_STEPS = 3
_WALKING_GAIN = 100.0
_LARGEST_EXPONENT = 500.0


@dataclass(frozen=True, eq=False)
class DualPoint:
    """The dual at one theta."""

    theta: NDArray[np.float64]
    """(D,)"""
    log_normaliser: float
    """a."""
    value: float
    """D(theta)."""
    ratio: NDArray[np.float64]
    """(K,) r_k, the weight of each set relative to uniform."""
    is_free: NDArray[np.bool_]
    """(K,), whether the cap leaves the set alone."""


def solve_entropy_dual(
    features: NDArray[np.float64],
    base: NDArray[np.float64],
    *,
    cap: float | None = None,
    start: NDArray[np.float64] | None = None,
) -> DualPoint | None:
    """The optimum, or None when the constraints can't be met by positive weights.

    features: (K, D) f_k. base: (K,) u_k > 0 with sum 1, the uniform distribution. cap: the
    largest ratio, above 1. start: (D,) theta to start from, 0 by default; a neighbour's
    solution saves steps. Linearly dependent constraints are allowed.

    >>> base = np.array([0.75, 0.25])
    >>> point = solve_entropy_dual(np.array([[1.0], [-1.0]]), base)
    >>> point.ratio.round(6).tolist()
    [0.666667, 2.0]
    """
    num_constraints = features.shape[1]
    theta = np.zeros(num_constraints) if start is None else start
    point = _evaluate(features, base, cap, theta)
    residuals: list[float] = []
    while len(residuals) < _MAX_STEPS and np.abs(features @ point.theta).max() < _LARGEST_EXPONENT:
        gradient = features.T @ (base * point.ratio)
        residuals.append(float(np.abs(gradient).max()))
        if residuals[-1] <= RESIDUAL_TOLERANCE:
            return None if _is_walking(residuals) else point
        hessian = _hessian(features, base, point)
        # A ridge that fades with the residual keeps dependent constraints and sets at the cap
        # solvable without slowing the last, quadratic steps.
        ridge = 1e-6 * residuals[-1] + 1e-14 * np.trace(hessian) + 1e-16
        hessian[np.diag_indices(num_constraints)] += ridge
        direction = np.asarray(-np.linalg.solve(hessian, gradient), dtype=np.float64)
        point = _search_line(features, base, cap, point, direction, float(gradient @ direction))
    return None


def _is_walking(residuals: list[float]) -> bool:
    if len(residuals) <= _WALKING_STEPS:
        return False
    return residuals[-1 - _WALKING_STEPS] < _WALKING_GAIN * residuals[-1]


def _evaluate(
    features: NDArray[np.float64],
    base: NDArray[np.float64],
    cap: float | None,
    theta: NDArray[np.float64],
) -> DualPoint:
    exponent = features @ theta
    a = _log_normaliser(exponent, base, cap)
    z = exponent - a
    if cap is None:
        return DualPoint(theta, a, a, np.exp(z), np.ones(len(z), dtype=np.bool_))
    log_cap = np.log(cap)
    ratio = np.exp(np.minimum(z, log_cap))
    psi = ratio + cap * np.maximum(z - log_cap, 0)
    return DualPoint(theta, a, float(a - 1 + base @ psi), ratio, z < log_cap)


def _log_normaliser(
    exponent: NDArray[np.float64], base: NDArray[np.float64], cap: float | None
) -> float:
    """The a with sum_k base_k min(cap, exp(exponent_k - a)) = 1, in closed form by sorting."""
    if cap is None:
        largest = exponent.max()
        return float(largest + np.log(base @ np.exp(exponent - largest)))
    order = np.argsort(-exponent)
    z, u = exponent[order], base[order]
    # With the m largest at the cap, the others share what is left of the total of 1.
    left = 1 - cap * (np.cumsum(u) - u)
    log_rest = np.logaddexp.accumulate((np.log(u) + z)[::-1])[::-1]
    possible = left > 0
    a = log_rest[possible] - np.log(left[possible])
    fits = z[possible] - a <= np.log(cap)
    return float(a[np.argmax(fits)] if fits.any() else a[-1])


def _hessian(
    features: NDArray[np.float64], base: NDArray[np.float64], point: DualPoint
) -> NDArray[np.float64]:
    free = base * point.ratio * point.is_free
    mean = features.T @ free
    total = free.sum()
    hessian = features.T @ (free[:, None] * features)
    # The second term is the normaliser's answer to theta; nothing moves when all are capped.
    return hessian - np.outer(mean, mean) / total if total > 0 else hessian


def _search_line(
    features: NDArray[np.float64],
    base: NDArray[np.float64],
    cap: float | None,
    point: DualPoint,
    direction: NDArray[np.float64],
    slope: float,
) -> DualPoint:
    """The first point of a halving search that decreases the dual enough (Armijo 1966)."""
    length = 1.0
    while True:
        candidate = _evaluate(features, base, cap, point.theta + length * direction)
        # Close to the optimum the decrease drowns in rounding errors.
        if candidate.value <= point.value + 1e-4 * length * slope + 1e-13 or length < 1e-8:
            return candidate
        length /= 2
