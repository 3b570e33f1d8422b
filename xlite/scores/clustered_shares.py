"""Shares among images of which one patient may have several, and how far two of them differ."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.special import ndtr

from xlite.scores.clustered_means import linearise

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class ClusteredShare:
    """A share, its standard error over patients, and how many patients are behind it."""

    share: float
    error: float
    patients: int
    """Those with an image that counts."""


def measure_share(counts: NDArray[np.bool_], patients: NDArray[Any]) -> ClusteredShare:
    """The share of N images that count, patients being the unit of chance.

    The error is that of a ratio over patients (`linearise`). NaN without images; an error of NaN
    of a single patient.

    >>> one = measure_share(np.array([True, False, True, True]), np.array([1, 1, 2, 3]))
    >>> one.share, round(one.error, 4), one.patients
    (0.75, 0.1875, 3)
    """
    num_images = len(counts)
    if num_images == 0:
        return ClusteredShare(share=math.nan, error=math.nan, patients=0)
    share, residuals = linearise(counts.astype(np.float64), patients)
    error = math.sqrt(float(residuals @ residuals))
    return ClusteredShare(share=share, error=error, patients=len(pd.unique(patients[counts])))


def compare_shares(one: ClusteredShare, other: ClusteredShare) -> float:
    """The two-sided p of two shares of different patients being equal; NaN where it is unknown.

    >>> half = ClusteredShare(share=0.5, error=0.03, patients=100)
    >>> less = ClusteredShare(share=0.4, error=0.04, patients=80)
    >>> round(compare_shares(half, less), 4)
    0.0455
    """
    error = math.hypot(one.error, other.error)
    if not error > 0:
        return math.nan
    return float(2 * ndtr(-abs(one.share - other.share) / error))
