"""The ways in which thresholds are fitted, by name.

N images, C classes. Targets are (N, C) int8: 1 present, 0 absent, -1 unknown; an unknown entry is
left out of its class alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from numpy.typing import ArrayLike

from xlite.arrays import read_judged
from xlite.errors import InputError, did_you_mean
from xlite.scores.operating_points import (
    fit_sensitivity_thresholds,
    fit_specificity_thresholds,
    fit_youden_thresholds,
)
from xlite.scores.ranking import PerClass, Probs, Targets
from xlite.scores.thresholded import fit_f1_thresholds

METHODS = ("f1", "youden", "sensitivity:X", "specificity:X")

_FITS: dict[str, Callable[[Targets, Probs], PerClass]] = {
    "f1": fit_f1_thresholds,
    "youden": fit_youden_thresholds,
}


def check_method(method: str) -> None:
    """Raise InputError unless `method` is one of METHODS, X a number in (0, 1]."""
    kind, _, share = method.partition(":")
    if method in _FITS:
        return
    if kind in ("sensitivity", "specificity") and re.fullmatch(r"[01]|[01]?\.\d+", share):
        if 0 < float(share) <= 1:
            return
        raise InputError(f"{method}: the share has to be in (0, 1], as in {kind}:0.9.")
    raise InputError(
        f"no thresholds are called {method!r}.{did_you_mean(method, METHODS)} Use one of: "
        f"{', '.join(METHODS)}."
    )


def fit_thresholds(targets: ArrayLike, probs: ArrayLike, *, method: str = "f1") -> PerClass:
    """The threshold of each class, (C,) in [0, 1], to be used on other images than these.

    An image is called positive when prob >= threshold. NaN for a class without positives, and
    where a method looks at negatives also without those.

    targets: (N, C), 1, 0 or -1, or (N,) for one class. probs: as many, in [0, 1]. method: "f1"
    maximises F1, "youden" sensitivity + specificity, "sensitivity:0.9" finds at least that share of
    the positives at the highest specificity, "specificity:0.9" the reverse. Scores at these
    thresholds on the very same images are optimistic. Raises InputError for other methods, and
    ArgumentError for arrays that can't be used.

    >>> fit_thresholds([0, 0, 1, 1], [0.1, 0.2, 0.4, 0.8]).round(3).tolist()
    [0.3]
    """
    check_method(method)
    arrays = read_judged(targets, {"probs": probs})
    return fit_by_method(arrays.targets, arrays.models[0], method)


def fit_by_method(targets: Targets, probs: Probs, method: str) -> PerClass:
    """The thresholds, (C,), of arrays (N, C) by a method that `check_method` knows."""
    kind, _, share = method.partition(":")
    if kind == "sensitivity":
        return fit_sensitivity_thresholds(targets, probs, sensitivity=float(share))
    if kind == "specificity":
        return fit_specificity_thresholds(targets, probs, specificity=float(share))
    return _FITS[kind](targets, probs)
