"""Learning curves: what more patients would bring, forecast from nested subsets of those at hand.

K sizes, S seeds. The score of a model that is trained on a share x of the patients,

    A(x) = A(1) + k (1 - x^-c) / c

rises by a power of the number of patients (Figueroa et al. 2012, BMC Med. Inform. Decis. Mak.
12:8; Hestness et al. 2017, arXiv:1712.00409), or by its logarithm where c is 0, with k the slope at
the end of what was measured. Three sizes do not tell k from c, and the curve that fits best is
therefore no forecast: it is one of many that fit as well and part company beyond what was measured.
So all of them are weighed by how well they fit (flat priors over c and k, the noise's variance
unknown), and the forecast is the spread of where they go, together with the noise of seeds. Curves
of other shapes (Viering and Loog 2022, IEEE TPAMI 45:7799) may level off sooner than any power
does: a share of the weight is on curves that keep only a part of their rise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import boxcox

from xlite.scores.detectable import SEED_DEVIATION

_EXPONENTS = np.linspace(-0.3, 2.0, 24)
_SLOPES = np.linspace(0.0, 0.1, 61)
_LEVELLING = 0.25
"""The weight of curves that keep a part of their rise, any of 0 to 1."""
_PRIOR_FREEDOM = 2.0
"""What is assumed of the noise is worth as much as two runs more."""
_DRAWS = 8000


@dataclass(frozen=True, kw_only=True, eq=False)
class CurveForecast:
    """The mean score of S runs on more patients; arrays are (M,)."""

    factor: NDArray[np.float64]
    """Patients as a multiple of those of share 1."""
    median: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def forecast_curve(
    shares: Sequence[float],
    scores: NDArray[np.float64],
    *,
    factors: Sequence[float] = (2.0, 4.0),
    level: float = 0.9,
) -> CurveForecast:
    """What S runs on `factors` times the patients would score on average, with its interval.

    shares: (K,) of the training patients, in (0, 1]. scores: (K, S) in [0, 1], NaN where a run is
    missing. On the same judged images: what other images would say is not in the interval, nor
    patients of another kind. Raises ValueError for scores of fewer than three sizes, since two are
    on a line whatever the curve.

    >>> runs = np.array([[0.70, 0.71], [0.74, 0.74], [0.77, 0.76]])
    >>> forecast = forecast_curve([0.25, 0.5, 1.0], runs)
    >>> forecast.low.round(2).tolist(), forecast.high.round(2).tolist()
    ([0.76, 0.76], [0.81, 0.85])
    """
    size, value = _flatten(shares, scores)
    if len(set(size)) < 3:
        raise ValueError("a curve needs three sizes or more")
    exponents, slopes = (axis.ravel() for axis in np.meshgrid(_EXPONENTS, _SLOPES))
    left = value - _rise(size, exponents, slopes)
    level_at_one = left.mean(axis=1)
    squares = np.square(left - level_at_one[:, None]).sum(axis=1)
    freedom = _PRIOR_FREEDOM + len(value) - 1
    total = _PRIOR_FREEDOM * SEED_DEVIATION**2 + squares
    weight = np.exp(-freedom / 2 * (np.log(total) - np.log(total.min())))
    rng = np.random.Generator(np.random.Philox(key=0))
    drawn = rng.choice(len(weight), size=_DRAWS, p=weight / weight.sum())
    spread = np.sqrt(total / freedom * (1 / len(value) + 1 / scores.shape[1]))[drawn]
    asked = np.asarray(factors, dtype=np.float64)
    kept = np.where(rng.random(_DRAWS) < _LEVELLING, rng.random(_DRAWS), 1.0)
    rise = kept[:, None] * _rise(asked, exponents[drawn], slopes[drawn])
    ahead = level_at_one[drawn, None] + rise
    ahead = np.minimum(ahead + (spread * rng.standard_t(freedom, _DRAWS))[:, None], 1.0)
    low, median, high = np.quantile(ahead, [(1 - level) / 2, 0.5, (1 + level) / 2], axis=0)
    return CurveForecast(factor=asked, median=median, low=low, high=high)


def _flatten(
    shares: Sequence[float], scores: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The share and the score of each run that there is."""
    is_there = ~np.isnan(scores)
    size = np.broadcast_to(np.asarray(shares, dtype=np.float64)[:, None], scores.shape)
    return size[is_there], scores[is_there]


def _rise(
    share: NDArray[np.float64], exponent: NDArray[np.float64], slope: NDArray[np.float64]
) -> NDArray[np.float64]:
    """What curves are above their value at share 1, below 0 for less: (curves, shares)."""
    # scipy's Box-Cox is (x^λ - 1) / λ, and the logarithm at 0.
    return np.asarray(slope[:, None] * boxcox(share[None, :], -exponent[:, None]))
