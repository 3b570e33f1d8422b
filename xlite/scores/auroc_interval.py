"""Intervals of AUROC that hold with ten positives as well as with thousands.

N images, C classes; m positives and n negatives of one class, of k patients each. Targets are
(N, C) int8: 1 present, 0 absent, -1 unknown; an unknown entry is left out of its class alone.

DeLong's variance is an estimate from as many placements as there are positives. Of ten it is so
uncertain, and so dependent on the AUROC that goes with it, that A ± 1.96 √v covers 77 to 88 % of
the time. Newcombe's method 5 (2006, Statist. Med. 25:559) takes the variance from the AUROC alone,
as a model of Hanley and McNeil (1982, Radiology 143:29) gives it, and asks which true θ are
compatible with the A that was seen:

    |A - θ| ≤ t √(φ V(θ))
    V(θ) = θ(1-θ) / (mn) [1 + ((m+n)/2 - 1) ((1-θ)/(2-θ) + θ/(1+θ))]

We deviate in φ and t, which he does not have (φ = 1, t = z). φ is what the data say of the model,
drawn towards it where they say little: with k - 1 the smaller of the numbers of patients who show
the label and who don't, less one, and ten patients' worth of the model,

    φ = ((k-1) v/V(A) + 10) / (k+9) · max(1, ((k-1) v_c/v + 5 d) / (k+4)),

v being DeLong's variance, v_c that of patients as clusters (Obuchowski 1997) and d = Σ m_p² / m the
design effect if all positives of a patient were copies of one. t is Student's, of k + 9 degrees.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri, stdtrit

from xlite.arrays import JudgedArrays, number_classes, read_judged, read_level
from xlite.scores.delong import estimate_auroc_covariance
from xlite.scores.ranking import PerClass, Targets

if TYPE_CHECKING:
    import pandas as pd

PRIOR_PATIENTS = 10
"""How many patients the model is worth. 5 covers less of few positives, 20 too much of many."""

COPY_PATIENTS = 5
"""How many patients the fear is worth that a patient's images are copies of one."""

# Each halves the width of the limits: 2^-50 is below what a float of 0.5 can tell apart.
_BISECTIONS = 50


@dataclass(frozen=True, kw_only=True, eq=False)
class AurocInterval:
    """AUROC of each class, (C,), and the limits of its interval."""

    auroc: PerClass
    low: PerClass
    high: PerClass
    labels: tuple[str, ...] = ()
    """The C names; empty where nothing is to be said of them."""

    def to_frame(self) -> pd.DataFrame:
        """A row a label: auroc, low, high."""
        import pandas as pd

        index = pd.Index(self.labels or number_classes(len(self.auroc)), name="label")
        return pd.DataFrame({"auroc": self.auroc, "low": self.low, "high": self.high}, index=index)


def macro_auroc_interval(
    interval: AurocInterval, drawn: NDArray[np.float64], *, level: float = 0.95
) -> tuple[float, float]:
    """Lower and upper limit of the mean AUROC over classes; NaN where none is defined.

    interval: at the same level. drawn: (R, C) AUROC of resampled patients. The limits of the
    classes are combined by MOVER (Zou and Donner 2008, Statist. Med. 27:1693), since that of a
    class of few patients is nearer on the side of 1 than of 0:

        mean - √(Σ_c (A_c - low_c)² / C² + z² q), mean + √(Σ_c (high_c - A_c)² / C² + z² q)

    where q is what classes add by varying together, as resamples tell: the variance of their mean
    less that of as many independent ones.
    """
    defined = ~np.isnan(interval.auroc)
    if not defined.any():
        return float("nan"), float("nan")
    auroc, count = interval.auroc[defined], int(defined.sum())
    resampled = np.where(np.isnan(drawn[:, defined]), auroc, drawn[:, defined])
    together = resampled.mean(axis=1).var(ddof=1)
    apart = resampled.var(axis=0, ddof=1).sum() / count**2
    added = ndtri(0.5 + level / 2) ** 2 * (together - apart)
    mean = float(auroc.mean())
    below, above = (
        float(np.sqrt(max((np.square(limit - auroc)).sum() / count**2 + added, 0.0)))
        for limit in (interval.low[defined], interval.high[defined])
    )
    return max(0.0, mean - below), min(1.0, mean + above)


def auroc_interval(
    targets: ArrayLike,
    probs: ArrayLike,
    *,
    patients: ArrayLike | None = None,
    level: float = 0.95,
) -> AurocInterval:
    """AUROC of each class with its interval at a confidence level, (C,) each.

    targets: (N, C), 1, 0 or -1 (unknown, left out), or (N,) for one class. probs: as many finite
    scores, on any scale. patients: (N,) patient ids, or None where every image is a patient of its
    own. An interval is within [0, 1] and holds the AUROC; that of a perfect AUROC ends at 1, and
    that of a single positive is nearly all of [0, 1]. NaN without positives or without negatives.
    Raises ArgumentError for arrays that can't be used or do not fit each other.

    A nominal 95 % is 94 to 97.3 % for 10 to 200 positives of as many patients at AUROC 0.6 to 0.95,
    and 92 to 99 % where positives spread more or less than negatives (docs/judging.md).

    >>> found = auroc_interval([0, 0, 0, 0, 1, 1], [0.1, 0.2, 0.4, 0.3, 0.35, 0.8])
    >>> found.auroc.round(3).tolist(), found.low.round(2).tolist(), found.high.round(2).tolist()
    ([0.875], [0.32], [0.99])
    """
    arrays = read_judged(targets, {"probs": probs}, patients=patients)
    return _estimate(arrays, read_level(level))


@dataclass(frozen=True, kw_only=True, eq=False)
class AurocPrecision:
    """What the width of AUROC's interval depends on; arrays are (C,)."""

    auroc: PerClass
    num_positives: PerClass
    num_negatives: PerClass
    inflation: PerClass
    """φ of the module's docstring."""
    freedom: PerClass
    """k - 1."""
    shape: PerClass | float = 1.0
    """v / V(A) of endlessly many patients, where that is assumed: fewer are drawn towards 1."""

    @property
    def standard_error(self) -> PerClass:
        """√(φ V(A)); NaN where a class lacks positives or negatives."""
        variance = auroc_variance(self.auroc, self.num_positives, self.num_negatives)
        return np.asarray(np.sqrt(self.inflation * variance))

    def limits(self, level: float) -> tuple[PerClass, PerClass]:
        """Lower and upper limit of the interval."""
        critical = stdtrit(self.freedom + PRIOR_PATIENTS, 0.5 + level / 2)

        def is_compatible(theta: PerClass) -> NDArray[np.bool_]:
            variance = auroc_variance(theta, self.num_positives, self.num_negatives)
            return np.asarray((self.auroc - theta) ** 2 <= critical**2 * self.inflation * variance)

        return (
            _find_limit(self.auroc, np.zeros_like(self.auroc), is_compatible),
            _find_limit(self.auroc, np.ones_like(self.auroc), is_compatible),
        )

    def scale(self, factor: PerClass | float) -> AurocPrecision:
        """That of so many times the patients, alike in everything."""
        freedom = np.maximum((self.freedom + 1) * factor - 1, 0.0)
        drawn = (draw_shape(self.shape, each) for each in (freedom, self.freedom))
        return AurocPrecision(
            auroc=self.auroc,
            num_positives=self.num_positives * factor,
            num_negatives=self.num_negatives * factor,
            inflation=self.inflation * np.divide(*drawn),
            freedom=freedom,
            shape=self.shape,
        )


def measure_precision(arrays: JudgedArrays) -> AurocPrecision:
    """How precisely the AUROC of each class is known from these scores."""
    targets, groups = arrays.targets, arrays.patients
    estimate = estimate_auroc_covariance(targets, arrays.models, groups=groups)
    auroc, freedom = estimate.auroc[0], estimate.freedom
    of_images, of_patients = estimate.variance_of_images[0], estimate.variance[0]
    num_positives, num_negatives = ((targets == code).sum(axis=0) for code in (1, 0))
    expected = auroc_variance(auroc, num_positives, num_negatives)
    shape = _shrink(of_images, expected, np.ones_like(auroc), freedom, PRIOR_PATIENTS)
    effect = _shrink(of_patients, of_images, copy_effect(targets, groups), freedom, COPY_PATIENTS)
    return AurocPrecision(
        auroc=auroc,
        num_positives=num_positives,
        num_negatives=num_negatives,
        inflation=shape * np.maximum(effect, 1),
        freedom=freedom,
    )


def draw_shape(shape: PerClass | float, freedom: PerClass) -> PerClass:
    """v / V(A), drawn towards 1 as the patients are few."""
    return np.asarray((freedom * shape + PRIOR_PATIENTS) / (freedom + PRIOR_PATIENTS))


def _estimate(arrays: JudgedArrays, level: float) -> AurocInterval:
    precision = measure_precision(arrays)
    low, high = precision.limits(level)
    return AurocInterval(auroc=precision.auroc, low=low, high=high, labels=arrays.labels)


def copy_effect(targets: Targets, groups: NDArray[Any] | None) -> PerClass:
    """The design effect of each class, (C,), if all positives of a patient were copies of one."""
    effect = np.ones(targets.shape[1])
    if groups is None:
        return effect
    patients = np.unique(groups, return_inverse=True)[1]
    for column, of_class in enumerate(targets.T):
        images = np.bincount(patients[of_class == 1])
        if images.size:
            effect[column] = np.square(images).sum() / images.sum()
    return effect


def auroc_variance(auroc: PerClass, num_positives: PerClass, num_negatives: PerClass) -> PerClass:
    """V(θ) of the module's docstring, (C,); NaN where a class lacks positives or negatives."""
    spread = (num_positives + num_negatives) / 2 - 1
    shape = 1 + spread * ((1 - auroc) / (2 - auroc) + auroc / (1 + auroc))
    pairs = np.where(num_positives * num_negatives > 0, num_positives * num_negatives, np.nan)
    return np.asarray(auroc * (1 - auroc) * shape / pairs)


def _shrink(
    estimate: PerClass, expected: PerClass, prior: PerClass, freedom: PerClass, worth: float
) -> PerClass:
    """The ratio of two variances, drawn towards `prior`, which is worth so many patients."""
    is_known = (estimate > 0) & (expected > 0)
    ratio = np.where(is_known, estimate / np.where(is_known, expected, 1), prior)
    return np.asarray((freedom * ratio + worth * prior) / (freedom + worth))


def _find_limit(
    auroc: PerClass, end: PerClass, is_compatible: Callable[[PerClass], NDArray[np.bool_]]
) -> PerClass:
    """The last compatible value on the way from AUROC to `end`, by bisection; NaN stays NaN."""
    inside, outside = auroc.copy(), np.where(np.isnan(auroc), np.nan, end)
    for _ in range(_BISECTIONS):
        middle = (inside + outside) / 2
        fits = is_compatible(middle)
        inside, outside = np.where(fits, middle, inside), np.where(fits, outside, middle)
    return (inside + outside) / 2
