"""Another prevalence: estimated from probs alone, and put into them.

N images, C classes. Under label shift the images of those with a finding, and of those without,
look alike at both sites, and only the share of each differs. Then Bayes' rule says what a
calibrated prob becomes at another prevalence, and the likelihood of the probs what that prevalence
is, without a label (Saerens, Latinne and Decaestecker 2002, Neural Comput. 14:21; of probs that
were calibrated before, which Alexandari, Kundaje and Shrikumar 2020, arXiv:1901.06852, found to
matter most).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import expit, logit, ndtri

from xlite.scores.calibration_interval import Limited
from xlite.scores.reliability import check_probs
from xlite.scores.resampling import number_patients

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xlite.scores.ranking import PerClass, Probs, Targets

_CLOSEST_TO_CERTAIN = 1e-7
_HALVINGS = 50
"""Each halves where the prevalence may lie: 50 come to 1e-15."""


def move_prevalence(probs: Probs, before: PerClass, after: PerClass) -> NDArray[np.float64]:
    """The probs (N, C) of a site with prevalence `before`, (C,), as they are where it is `after`.

    Their odds are multiplied by the ratio of the odds of the two prevalences. NaN where one of them
    is; a prevalence of 0 or 1 is taken as a ten-millionth from it.

    >>> move_prevalence(np.array([[0.5]]), np.array([0.5]), np.array([0.2])).round(6).tolist()
    [[0.2]]
    """
    moved: NDArray[np.float64] = expit(_logit(probs) + _logit(after) - _logit(before))
    return moved


def estimate_prevalence(
    targets: Targets,
    probs: Probs,
    before: PerClass,
    groups: NDArray[Any],
    *,
    level: float = 0.95,
) -> Limited:
    """The prevalence of each class that the probs (N, C) are likeliest at, in [0, 1], with limits.

    probs: calibrated where the prevalence is `before`, (C,). targets: (N, C), of which is asked
    which entries are known, and never what they are. groups: (N,) patient ids. It is the fixed
    point of Saerens' EM: the one maximum of a concave likelihood, found by bisection. The limits
    are of its slope, summed within patients; where probs hardly tell those with a finding from
    those without, they are 0 and 1. NaN for a class without known entries, or whose `before` is
    NaN, 0 or 1.
    """
    check_probs(targets, probs)
    is_known = targets >= 0
    with np.errstate(divide="ignore", invalid="ignore"):
        # How much likelier each image is among those with the finding than among those without.
        ratio = np.exp(_logit(probs) - logit(before))
    low, high = np.zeros(targets.shape[1]), np.ones(targets.shape[1])
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        slope = np.where(is_known, (ratio - 1) / (1 + middle * (ratio - 1)), 0.0).sum(axis=0)
        low, high = np.where(slope > 0, middle, low), np.where(slope > 0, high, middle)
    is_told = is_known.any(axis=0) & (before > 0) & (before < 1)
    found = np.where(is_told, (low + high) / 2, np.nan)
    slopes = np.where(is_known, (ratio - 1) / (1 + found * (ratio - 1)), 0.0)
    patients, num_patients = number_patients(groups, len(targets))
    spread = [np.square(np.bincount(patients, one, num_patients)).sum() for one in slopes.T]
    information = np.square(slopes).sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        error = np.nan_to_num(np.sqrt(spread) / information, nan=1.0, posinf=1.0)
    reach = float(ndtri(0.5 + level / 2)) * error
    return Limited(
        value=found,
        low=np.where(is_told, np.maximum(found - reach, 0.0), np.nan),
        high=np.where(is_told, np.minimum(found + reach, 1.0), np.nan),
    )


def _logit(values: Probs) -> NDArray[np.float64]:
    clipped = np.clip(
        np.asarray(values, dtype=np.float64), _CLOSEST_TO_CERTAIN, 1 - _CLOSEST_TO_CERTAIN
    )
    result: NDArray[np.float64] = logit(clipped)
    return result
