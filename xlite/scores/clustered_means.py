"""Means of values of which one patient may have several, and differences of two.

N values of G patients.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from xlite.errors import ArgumentError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class ClusteredMean:
    """A mean, or a difference of two, with its interval; NaN where undefined."""

    value: float
    low: float
    high: float
    patients: int


def measure_mean(values: Values, patients: NDArray[Any], *, level: float = 0.95) -> ClusteredMean:
    """The mean of N values in [0, 1], patients being the unit of chance.

    Wilson's interval (1927) for the number of independent yes-or-no answers that would have the
    mean's error, m (1 - m) / SE^2, as Korn and Graubard (1998) do for shares in surveys, with the
    quantile of t for G - 1 degrees: it stays within [0, 1], and eight hits of eight leave doubt.
    SE is that of a ratio over patients (`linearise`); where it is 0, G answers are counted. NaN
    without values, an interval of NaN of a single patient.

    >>> found = measure_mean(np.ones(8), np.arange(8))
    >>> found.value, round(found.low, 2), found.high
    (1.0, 0.59, 1.0)
    """
    mean, residuals = linearise(values, patients)
    low, high = _wilson_limits(mean, residuals, level)
    return ClusteredMean(value=mean, low=low, high=high, patients=len(residuals))


def average(values: Values, patients: NDArray[Any], *, level: float = 0.95) -> ClusteredMean:
    """The mean of N values of any scale, with Student's interval over G patients.

    For what is continuous: where all patients agree, it has no width. NaN as in `measure_mean`.

    >>> found = average(np.array([-0.2, 0.1, 0.4]), np.arange(3))
    >>> round(found.value, 2), round(found.low, 2), round(found.high, 2)
    (0.1, -0.65, 0.85)
    """
    from scipy.special import stdtrit

    mean, residuals = linearise(values, patients)
    G = len(residuals)
    error = math.sqrt(float(residuals @ residuals)) if G > 1 else math.nan
    half = float(stdtrit(G - 1, (1 + level) / 2)) * error
    return ClusteredMean(value=mean, low=mean - half, high=mean + half, patients=G)


def compare_means(
    values: Values, others: Values, patients: NDArray[Any], *, level: float = 0.95
) -> ClusteredMean:
    """The mean of N values in [0, 1] minus that of N others of the same films.

    Newcombe's square-and-add (1998, method 10) of the limits of `measure_mean`, with the
    correlation of both means over patients.

    >>> ones, zeros = np.ones(20), np.zeros(20)
    >>> found = compare_means(ones, zeros, np.arange(20))
    >>> found.value, round(found.low, 2), round(found.high, 2)
    (1.0, 0.75, 1.0)
    """
    one, its = linearise(values, patients)
    other, theirs = linearise(others, patients)
    (low, high), (other_low, other_high) = (
        _wilson_limits(one, its, level),
        _wilson_limits(other, theirs, level),
    )
    correlation = _correlate(its, theirs)

    def add(a: float, b: float) -> float:
        square = a * a + b * b - 2 * correlation * a * b
        # Of NaN it is NaN.
        return 0.0 if square < 0 else math.sqrt(square)

    return ClusteredMean(
        value=one - other,
        low=one - other - add(one - low, other_high - other),
        high=one - other + add(high - one, other - other_low),
        patients=len(its),
    )


def _correlate(residuals: Values, others: Values) -> float:
    spread = math.sqrt(float(residuals @ residuals) * float(others @ others))
    if not spread > 0:
        return 0.0
    if np.array_equal(residuals, others):
        # No patient has told the two apart: up to three in G might (the rule of three).
        return max(0.0, 1 - 3 / len(residuals))
    return float(residuals @ others) / spread


def linearise(values: Values, patients: NDArray[Any]) -> tuple[float, Values]:
    """The mean of N values, and what each of G patients adds to its error, (G,).

    The variance of a ratio over patients, G/(G-1) sum_g (s_g - m n_g)^2 / N^2 with s_g the sum of
    the n_g values of patient g (Cochran 1977, Sampling Techniques, section 6.3), is the sum of
    the squares; two means of the same patients covary by the sum of products.
    """
    if len(values) != len(patients):
        raise ArgumentError(f"{len(values)} values need as many patients, not {len(patients)}.")
    if len(values) == 0:
        return math.nan, np.empty(0)
    codes, distinct = pd.factorize(patients)
    G = len(distinct)
    sums = np.bincount(codes, weights=values, minlength=G)
    sizes = np.bincount(codes, minlength=G)
    mean = float(np.mean(values))
    scale = math.sqrt(G / (G - 1)) / len(values) if G > 1 else math.nan
    return mean, scale * (sums - mean * sizes)


def _wilson_limits(mean: float, residuals: Values, level: float) -> tuple[float, float]:
    from scipy.special import stdtrit

    G = len(residuals)
    if G < 2:
        return math.nan, math.nan
    t = float(stdtrit(G - 1, (1 + level) / 2))
    variance, largest = float(residuals @ residuals), mean * (1 - mean)
    n = largest / variance if variance > 0 and largest > 0 else G
    centre, half = mean + t * t / (2 * n), t * math.sqrt(largest / n + t * t / (4 * n * n))
    low, high = ((centre + sign * half) / (1 + t * t / n) for sign in (-1, 1))
    # Rounding leaves 1e-17 where the limit is 0.
    return max(0.0, min(low, mean)), min(1.0, max(high, mean))
