"""p values of several questions asked at once: one for each class, say."""

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
