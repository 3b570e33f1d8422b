"""p values of several questions asked at once: one for each class, or for each pair of models."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def adjust_holm(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """p values (C,) adjusted so that the chance of any false finding is at most the level.

    Holm 1979 (Scand. J. Stat. 6:65): with p ascending, adjusted p_(i) = max over j ≤ i of
    min(1, (C - j + 1) p_(j)). It needs no independence of the classes, and rejects all that
    Bonferroni's correction does. A NaN (a class without a test) stays NaN and is not counted in C.
    Raises ValueError for values outside [0, 1].

    >>> adjust_holm(np.array([0.01, 0.04, np.nan, 0.03])).round(3).tolist()
    [0.03, 0.06, nan, 0.06]
    """
    if p.ndim != 1 or ((p < 0) | (p > 1)).any():
        raise ValueError("p values (C,) in [0, 1] are needed")
    adjusted = np.full(p.shape, np.nan)
    ascending = np.argsort(p)[: int((~np.isnan(p)).sum())]
    factors = np.arange(ascending.size, 0, -1)
    adjusted[ascending] = np.minimum(1.0, np.maximum.accumulate(factors * p[ascending]))
    return adjusted


def adjust_max_t(statistics: NDArray[np.float64], null: NDArray[np.float64]) -> NDArray[np.float64]:
    """p values (K,) of statistics (K,), the larger the rarer, corrected for all of them at once.

    null: (R, K), the same statistics drawn without any difference, jointly. p_k is the share of
    draws whose largest statistic reaches the k-th, (#{r: max_j null_rj ≥ t_k} + 1) / (R + 1)
    (Westfall and Young 1993, section 2.3.2, single-step max-T). Where questions hang together, as
    pairs of the same models do, it is closer than Holm's, which has to hold for any. NaN stays NaN,
    and is no part of the maximum.

    >>> null = np.array([[0.1, 0.9], [0.8, 0.2], [0.3, 0.4]])
    >>> adjust_max_t(np.array([1.0, 0.5]), null).tolist()
    [0.25, 0.75]
    """
    largest = np.fmax.reduce(null, axis=1) if null.size else np.full(len(null), np.nan)
    reached = (largest[:, np.newaxis] >= statistics).sum(axis=0)
    return np.where(np.isnan(statistics), np.nan, (reached + 1) / (len(null) + 1))
