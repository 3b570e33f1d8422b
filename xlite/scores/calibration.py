"""The slope and intercept of calibration, and scaling that corrects them, class by class.

N images, C classes. Targets are (N, C) int8: 1 present, 0 absent, -1 unknown; an unknown entry is
left out of its class alone. Everything here is one logistic regression of the target on the logit
of the prob, P(y = 1) = σ(slope · logit(p) + intercept), with one or both coefficients free:

    both                     the calibration line (Cox 1958, Biometrika 45:562)
    intercept, slope = 1     calibration in the large (Van Calster et al. 2019, BMC Med. 17:230)
    slope, intercept = 0     temperature scaling, T = 1 / slope (Guo et al. 2017, arXiv:1706.04599)
    both, smoothed targets   Platt scaling (Platt 1999)

Fit scaling on validation only: calibration judged on the rows of the fit is perfect by design.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from xlite.scores.ranking import PerClass, Probs, Targets
from xlite.scores.reliability import check_probs

# The logit of 0 and 1 is infinite; float32 sigmoids reach both. 1e-7 is next to their last step.
_CLOSEST_TO_CERTAIN = 1e-7
_MAX_STEPS = 100
# Beyond this slope or intercept the likelihood only creeps up: the classes are separated.
_LARGEST_COEFFICIENT = 1e4


@dataclass(frozen=True, kw_only=True, eq=False)
class LogitScaling:
    """σ(slope · logit(p) + intercept) for each class; NaN for a class it could not be fitted to."""

    slope: PerClass
    """(C,)"""
    intercept: PerClass
    """(C,)"""


@dataclass(frozen=True, kw_only=True, eq=False)
class CalibrationLine:
    """How the logits of probs relate to the truth; NaN where a class does not determine it."""

    slope: PerClass
    """(C,) 1 is right; below 1 the probs are too extreme (overfitting), above 1 too timid."""
    intercept: PerClass
    """(C,) 0 is right, given the slope above."""
    in_the_large: PerClass
    """(C,) the intercept given slope 1: above 0 the probs are too low on the whole."""


def fit_calibration_line(targets: Targets, probs: Probs) -> CalibrationLine:
    """The calibration slope and intercepts of each class, for targets and probs (N, C).

    NaN for a class without positives or without negatives; slope and intercept also for one whose
    probs are all equal, or separate it perfectly. Raises ArgumentError for probs outside [0, 1].

    >>> targets = np.array([[0], [0], [0], [1], [0], [1], [1], [1]], dtype=np.int8)
    >>> line = fit_calibration_line(targets, np.repeat([[0.25], [0.75]], 4, axis=0))
    >>> line.slope.round(6).tolist(), abs(line.intercept.round(6)).tolist()
    ([1.0], [0.0])
    """
    line = _fit_classes(targets, probs, has_slope=True, has_intercept=True)
    large = _fit_classes(targets, probs, has_slope=False, has_intercept=True)
    return CalibrationLine(slope=line.slope, intercept=line.intercept, in_the_large=large.intercept)


def fit_temperature(targets: Targets, probs: Probs) -> LogitScaling:
    """Temperature scaling of each class: slope 1 / T, intercept 0, of the highest likelihood.

    It keeps prob 0.5 where it is, so it can't correct the shift that pos_weight brings: use
    `fit_platt` for that. NaN as in `fit_calibration_line`.
    """
    return _fit_classes(targets, probs, has_slope=True, has_intercept=False)


def fit_platt(targets: Targets, probs: Probs) -> LogitScaling:
    """Platt scaling of each class: slope and intercept of the highest likelihood.

    Targets are smoothed to (m + 1) / (m + 2) and 1 / (n + 2), for m positives and n negatives, as
    Platt 1999 does, so that a perfectly separated class keeps a finite slope. NaN for a class
    without positives or negatives, or whose probs are all equal.
    """
    return _fit_classes(targets, probs, has_slope=True, has_intercept=True, smooths=True)


def apply_scaling(scaling: LogitScaling, probs: Probs) -> NDArray[np.float64]:
    """The scaled probs, (N, C) in [0, 1]; a class that could not be fitted becomes NaN.

    >>> scaling = LogitScaling(slope=np.array([2.0]), intercept=np.array([0.0]))
    >>> apply_scaling(scaling, np.array([[0.5], [0.75]])).round(6).tolist()
    [[0.5], [0.9]]
    """
    scaled: NDArray[np.float64] = expit(scaling.slope * _logits(probs) + scaling.intercept)
    return scaled


def _logits(probs: Probs) -> NDArray[np.float64]:
    clipped = np.clip(probs.astype(np.float64), _CLOSEST_TO_CERTAIN, 1 - _CLOSEST_TO_CERTAIN)
    result: NDArray[np.float64] = logit(clipped)
    return result


def _fit_classes(
    targets: Targets, probs: Probs, *, has_slope: bool, has_intercept: bool, smooths: bool = False
) -> LogitScaling:
    check_probs(targets, probs)
    coefficients = np.full((2, targets.shape[1]), np.nan)
    logits = _logits(probs)
    free = np.array([has_slope, has_intercept])
    for column in range(targets.shape[1]):
        is_known = targets[:, column] >= 0
        wanted = targets[is_known, column].astype(np.float64)
        num_positives = int(wanted.sum())
        num_negatives = wanted.size - num_positives
        if num_positives == 0 or num_negatives == 0:
            continue
        if smooths:
            high, low = (num_positives + 1) / (num_positives + 2), 1 / (num_negatives + 2)
            wanted = np.where(wanted == 1, high, low)
        coefficients[:, column] = _fit_newton(wanted, logits[is_known, column], free)
    return LogitScaling(slope=coefficients[0], intercept=coefficients[1])


def _fit_newton(
    wanted: NDArray[np.float64], logits: NDArray[np.float64], free: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """(slope, intercept) that minimise the cross-entropy; NaN when they run away or are many.

    Newton's method, halving a step that does not lower the loss: the loss is convex, so that it
    converges from slope 1 and intercept 0, in 5 to 8 steps on real probs.
    """
    basis = np.stack([logits, np.ones_like(logits)])
    coefficients = np.array([1.0, 0.0])
    loss, said = _cross_entropy(wanted, coefficients @ basis)
    for _ in range(_MAX_STEPS):
        # einsum, not @: BLAS starts threads for vectors this long, at a loss where cores are busy.
        gradient = np.einsum("kn,n->k", basis[free], said - wanted)
        hessian = np.einsum("kn,ln->kl", basis[free] * (said * (1 - said)), basis[free])
        # Equal probs leave the line through their one point undetermined.
        if not np.linalg.cond(hessian) < 1e12:
            break
        step = np.zeros(2)
        step[free] = np.linalg.solve(hessian, gradient)
        # Relative to the loss: of separated classes both fall together, and nothing converges.
        if gradient @ step[free] <= 1e-12 * loss:
            return coefficients - step
        while True:
            candidate = coefficients - step
            lowered, said = _cross_entropy(wanted, candidate @ basis)
            if lowered <= loss:
                break
            step /= 2
        coefficients, loss = candidate, lowered
        if np.abs(coefficients).max() > _LARGEST_COEFFICIENT:
            break
    return np.full(2, np.nan)


def _cross_entropy(
    wanted: NDArray[np.float64], line: NDArray[np.float64]
) -> tuple[float, NDArray[np.float64]]:
    """The sum of log(1 + e^line) - wanted · line, and σ(line), from one exponential."""
    decayed = np.exp(-np.abs(line))
    loss = np.log1p(decayed) + np.maximum(line, 0) - wanted * line
    return float(loss.sum()), np.where(line >= 0, 1.0, decayed) / (1 + decayed)
