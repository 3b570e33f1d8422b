"""How sure the slope, the intercepts and the error of calibration are; patients are the unit.

N images, C classes. Slope and intercepts are coefficients of a logistic regression: their variance
is that of its estimating equations summed within patients (Liang and Zeger 1986, Biometrika 73:13),
with Student's t of as many patients as have the finding, less one. The error (ECE) is resampled in
the bins of the images. Resamples raise it, since noise in a bin is a distance whichever way it
goes: so the interval reaches as far down as up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse
from scipy.special import expit, logit, stdtrit

from xlite.scores.calibration import fit_calibration_line
from xlite.scores.reliability import (
    assign_bins,
    expected_calibration_error,
    trace_reliability,
)
from xlite.scores.resampling import count_freedom, draw_weights, number_patients

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xlite.scores.ranking import PerClass, Probs, Targets

_CLOSEST_TO_CERTAIN = 1e-7


@dataclass(frozen=True, kw_only=True, eq=False)
class Limited:
    """Values (C,) with their limits; NaN where undefined."""

    value: PerClass
    low: PerClass
    high: PerClass


@dataclass(frozen=True, kw_only=True, eq=False)
class CalibrationLimits:
    """The calibration of each class with intervals."""

    slope: Limited
    intercept: Limited
    in_the_large: Limited
    ece: Limited


def limit_calibration(
    targets: Targets,
    probs: Probs,
    groups: NDArray[Any],
    *,
    rng: np.random.Generator,
    num_resamples: int = 1000,
    level: float = 0.95,
) -> CalibrationLimits:
    """Slope, intercept, calibration in the large and ECE of each class, with their intervals.

    targets, probs: (N, C). groups: (N,) patient ids. NaN as in `fit_calibration_line`.
    """
    patients, num_patients = number_patients(groups, len(targets))
    line = fit_calibration_line(targets, probs)
    logits = logit(np.clip(probs.astype(np.float64), _CLOSEST_TO_CERTAIN, 1 - _CLOSEST_TO_CERTAIN))
    freedom = np.maximum(count_freedom(targets == 1, groups), 1)
    reach = np.full((3, targets.shape[1]), np.nan)
    both, large = np.array([True, True]), np.array([False, True])
    for column in range(targets.shape[1]):
        rows = targets[:, column] >= 0
        known = (targets[rows, column], logits[rows, column], patients[rows], num_patients)
        coefficients = np.array([line.slope[column], line.intercept[column]])
        reach[:2, column] = _standard_errors(*known, coefficients, both)
        coefficients = np.array([1.0, line.in_the_large[column]])
        reach[2, column] = _standard_errors(*known, coefficients, large)[0]
    reach *= stdtrit(freedom, 0.5 + level / 2)
    values = (line.slope, line.intercept, line.in_the_large)
    slope, intercept, in_the_large = (
        Limited(value=value, low=value - one, high=value + one)
        for value, one in zip(values, reach, strict=True)
    )
    return CalibrationLimits(
        slope=slope,
        intercept=intercept,
        in_the_large=in_the_large,
        ece=_limit_error(targets, probs, patients, rng, num_resamples, level),
    )


def _standard_errors(
    targets: NDArray[np.int8],
    logits: NDArray[np.float64],
    patients: NDArray[np.intp],
    num_patients: int,
    coefficients: NDArray[np.float64],
    free: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """Those of the free coefficients of one class; NaN where the line is."""
    if np.isnan(coefficients).any():
        return np.full(int(free.sum()), np.nan)
    basis = np.stack([logits, np.ones_like(logits)])
    said = expit(coefficients[0] * logits + coefficients[1])
    basis = basis[free]
    information = np.einsum("kn,ln->kl", basis * (said * (1 - said)), basis)
    by_patient = np.stack(
        [np.bincount(patients, (targets - said) * row, num_patients) for row in basis]
    )
    count = max(np.unique(patients).size, 2)
    spread = np.einsum("kp,lp->kl", by_patient, by_patient) * count / (count - 1)
    inverse = np.linalg.pinv(information)
    variance = np.einsum("ij,jk,kl->il", inverse, spread, inverse)
    errors: NDArray[np.float64] = np.sqrt(np.maximum(np.diagonal(variance), 0))
    return errors


def _limit_error(
    targets: Targets,
    probs: Probs,
    patients: NDArray[np.intp],
    rng: np.random.Generator,
    num_resamples: int,
    level: float,
) -> Limited:
    """The ECE and its interval, in the bins of the images as they are."""
    value = expected_calibration_error(trace_reliability(targets, probs))
    num_patients, num_classes = int(patients.max()) + 1, targets.shape[1]
    gaps, counts = [], []
    for column in range(num_classes):
        is_known = targets[:, column] >= 0
        bins, who = assign_bins(probs[is_known, column]), patients[is_known]
        gap = targets[is_known, column] - probs[is_known, column].astype(np.float64)
        shape = (int(bins.max(initial=0)) + 1, num_patients)
        gaps.append(sparse.csr_matrix((gap, (bins, who)), shape=shape))
        counts.append(np.bincount(who, minlength=num_patients))
    drawn = np.full((num_resamples, num_classes), np.nan)
    for chunk, weights in draw_weights(num_patients, num_resamples, rng):
        for column in range(num_classes):
            total = counts[column] @ weights
            error = np.abs(gaps[column] @ weights).sum(axis=0)
            drawn[chunk, column] = np.divide(
                error, total, out=np.full(len(total), np.nan), where=total > 0
            )
    is_empty = np.isnan(drawn).all(axis=0)
    upper = np.nanquantile(np.where(is_empty, 0.0, drawn), 0.5 + level / 2, axis=0)
    reach = np.where(is_empty, np.nan, np.maximum(upper - value, 0))
    return Limited(value=value, low=np.maximum(value - reach, 0), high=value + reach)
