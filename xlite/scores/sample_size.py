"""How many images a score needs: for an interval of a width, and to tell two methods apart.

C classes. A set of f times as many patients, alike in everything, has f times the positives, the
negatives and the degrees of freedom; the interval is that of `auroc_interval`, so that the width
asked for is the width that will be printed. Before any score is known it is assumed to be normal,
with the same spread among positives and negatives. For a difference of macro AUROC between two ways
of training, each with S seeds and judged on the same images,

    se² = 2 (1 - r) se_images² / f + 2 σ_seed² / S

r: the correlation of two models' AUROC over other patients; the power is that of the verdict's own
interval (`decision_power`). No number of images averages the seeds out, and no number of seeds the
images: each has a least number below which the other does not help, and `inf` says so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, owens_t

from xlite.scores.auroc_interval import (
    COPY_PATIENTS,
    AurocPrecision,
    auroc_variance,
    copy_effect,
    draw_shape,
)
from xlite.scores.detectable import SEED_DEVIATION, detectable_difference
from xlite.scores.finding_patients import combine_freedoms, count_finding_patients
from xlite.scores.power import decision_power
from xlite.scores.ranking import PerClass, Targets
from xlite.scores.seed_variance import SeedNoise, SeedVariance

PATIENT_CORRELATION: Final = 0.5
"""How alike the scores of a patient's images with a finding are assumed to be, before any is
known: halfway between images of as many patients and copies of one."""

MODEL_CORRELATION: Final = 0.5
"""How alike two models are assumed to be moved by other patients: the mean over 28 pairs of small
networks with other losses and samplers on 90 synthetic radiographs, among which it was 0 to 0.85.
Two versions of one large model are closer, which makes a difference easier to tell."""

MOST: Final = 1000
"""Seeds, or times the images, beyond which an answer is "not by this alone"."""

_BISECTIONS = 60


def assume_precision(
    targets: Targets,
    groups: NDArray[Any],
    *,
    auroc: float,
    correlation: float = PATIENT_CORRELATION,
) -> AurocPrecision:
    """How precisely an AUROC would be known by these labels; arrays of the result are (C,).

    φ is what `auroc_interval` may expect to find where scores are normal, with one spread. Both of
    Hanley and McNeil's probabilities are then, with A = Φ(h) and Owen's T,

        Q = A - 2 T(h, 1/√3)

    and the variance is 0.88 of their model's at an AUROC of 0.9: sets that were planned by the
    model alone had intervals 0.92 of the width that was asked for.

    targets: (N, C). groups: (N,) patient ids. correlation: of the scores of a patient's images
    with a finding, in [0, 1].
    """
    counts = count_finding_patients(targets, groups)
    fewest = np.minimum(counts.with_finding, counts.without_finding).astype(np.float64)
    freedom = np.maximum(fewest - 1, 0.0)
    copies = copy_effect(targets, groups)
    assumed = 1 + (copies - 1) * correlation
    effect = (freedom * assumed + COPY_PATIENTS * copies) / (freedom + COPY_PATIENTS)
    positives, negatives = ((targets == code).sum(axis=0) for code in (1, 0))
    assumed_auroc = np.where((positives > 0) & (negatives > 0), auroc, np.nan)
    normal = _normal_variance(assumed_auroc, positives, negatives)
    ratio = normal / auroc_variance(assumed_auroc, positives, negatives)
    return AurocPrecision(
        auroc=assumed_auroc,
        num_positives=positives,
        num_negatives=negatives,
        inflation=draw_shape(ratio, freedom) * np.maximum(effect, 1.0),
        freedom=freedom,
        shape=ratio,
    )


def _normal_variance(auroc: PerClass, num_positives: PerClass, num_negatives: PerClass) -> PerClass:
    """The variance of AUROC, (C,), where both sides are normal with the same spread."""
    both_above = auroc - 2 * owens_t(ndtri(auroc), 1 / np.sqrt(3))
    of_pairs = (num_positives + num_negatives - 2) * (both_above - auroc**2)
    pairs = np.where(num_positives * num_negatives > 0, num_positives * num_negatives, np.nan)
    return np.asarray((auroc * (1 - auroc) + of_pairs) / pairs)


def half_width(precision: AurocPrecision, *, level: float = 0.95) -> PerClass:
    """Half the width of each interval, (C,); NaN without positives or negatives."""
    low, high = precision.limits(level)
    return (high - low) / 2


def macro_half_width(
    precision: AurocPrecision, *, together: float = 1.0, level: float = 0.95
) -> float:
    """Half the width of the macro AUROC's interval; NaN where no class is defined.

    together: how many times as wide as if the classes were independent.
    """
    known = half_width(precision, level=level)
    known = known[~np.isnan(known)]
    return together * float(np.hypot.reduce(known)) / len(known) if len(known) else float("nan")


def factor_for_width(precision: AurocPrecision, width: float, *, level: float = 0.95) -> PerClass:
    """How many times the patients make each interval ± `width`, (C,); below 1 where fewer do.

    >>> targets = np.repeat(np.array([[1], [0]], dtype=np.int8), [20, 180], axis=0)
    >>> precision = assume_precision(targets, np.arange(200), auroc=0.8)
    >>> half_width(precision).round(3).tolist(), factor_for_width(precision, 0.05).round(1).tolist()
    ([0.105], [4.2])
    """

    def find_width(factor: NDArray[np.float64]) -> NDArray[np.float64]:
        return half_width(precision.scale(factor), level=level)

    return _find_factor(find_width, width, precision.auroc)


def macro_factor_for_width(
    precision: AurocPrecision, width: float, *, together: float = 1.0, level: float = 0.95
) -> float:
    """How many times the patients make the macro AUROC's interval ± `width`; NaN if undefined."""
    now = macro_half_width(precision, together=together, level=level)

    def find_width(factor: NDArray[np.float64]) -> NDArray[np.float64]:
        scaled = precision.scale(float(factor[0]))
        return np.array([macro_half_width(scaled, together=together, level=level)])

    return float(_find_factor(find_width, width, np.array([now]))[0])


def _find_factor(
    find_width: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    width: float,
    defined: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Where widths that shrink with the number of patients reach `width`, by bisection of logs."""
    low, high = np.full(defined.shape, np.log(1e-3)), np.full(defined.shape, np.log(1e6))
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        is_wide = find_width(np.exp(middle)) > width
        low, high = np.where(is_wide, middle, low), np.where(is_wide, high, middle)
    return np.where(np.isnan(defined), np.nan, np.exp(high))


@dataclass(frozen=True, kw_only=True)
class DifferencePlan:
    """What it takes to tell two ways of training apart by their macro AUROC."""

    detectable: float
    """The smallest true difference that is found with the power, with these images and seeds."""
    image_factor: float
    """Times the patients for the difference that was asked for, with these seeds; `inf` for none
    up to 1,000."""
    num_seeds: float
    """Seeds for it with these images; `inf` for none up to 1,000."""
    by_seeds: dict[int, float]
    """By number of seeds: times the patients."""


def plan_difference(
    precision: AurocPrecision,
    difference: float,
    *,
    num_seeds: int,
    seeds: Sequence[int] = (2, 3, 5, 10),
    together: float = 1.0,
    correlation: float = MODEL_CORRELATION,
    seed_deviation: float = SEED_DEVIATION,
    power: float = 0.8,
    level: float = 0.95,
) -> DifferencePlan:
    """How many images and seeds tell a true macro difference with this power, two-sided.

    together: as for `macro_half_width`. correlation: of two models' AUROC over other patients, in
    [0, 1). seed_deviation: the standard deviation of a macro AUROC over seeds. All is NaN where no
    class is defined.

    >>> targets = np.repeat(np.array([[1], [0]], dtype=np.int8), [200, 1800], axis=0)
    >>> precision = assume_precision(targets, np.arange(2000), auroc=0.8)
    >>> plan = plan_difference(precision, 0.03, num_seeds=5)
    >>> round(plan.detectable, 3), round(plan.image_factor, 1), plan.num_seeds
    (0.051, 6.0, inf)
    """
    pilot = _assume_pilot(precision, num_seeds, together, correlation, seed_deviation)
    if np.isnan(pilot.between_image_sd):
        nan = float("nan")
        return DifferencePlan(
            detectable=nan, image_factor=nan, num_seeds=nan, by_seeds=dict.fromkeys(seeds, nan)
        )
    counts = np.unique(np.geomspace(2, MOST, 150).round())
    with_seeds = decision_power(difference, pilot, num_seeds=counts, level=level)
    is_enough = with_seeds >= power
    factors = {
        count: _factor_for_power(pilot, difference, count, power, level)
        for count in (num_seeds, *seeds)
    }
    return DifferencePlan(
        detectable=_find_detectable(pilot, power, level),
        image_factor=factors[num_seeds],
        num_seeds=float(counts[is_enough.argmax()]) if is_enough.any() else float("inf"),
        by_seeds={count: factors[count] for count in seeds},
    )


def least_difference(
    precision: AurocPrecision,
    *,
    correlation: float = MODEL_CORRELATION,
    power: float = 0.8,
    level: float = 0.95,
) -> PerClass:
    """The smallest true difference of each class, (C,), that is found with endlessly many seeds."""
    error = np.sqrt(2 * (1 - correlation)) * precision.standard_error
    return np.asarray(error * detectable_difference(1.0, power=power, level=level))


def _assume_pilot(
    precision: AurocPrecision,
    num_seeds: int,
    together: float,
    correlation: float,
    seed_deviation: float,
) -> SeedVariance:
    errors = precision.standard_error
    is_known = ~np.isnan(errors)
    count = int(is_known.sum())
    of_macro = together * float(np.hypot.reduce(errors[is_known])) / count if count else np.nan
    of_images = np.asarray(np.sqrt(2 * (1 - correlation)) * of_macro)
    freedom = combine_freedoms(errors[is_known] ** 2, precision.freedom[is_known])
    unknown = np.asarray(np.nan)
    return SeedVariance(
        num_seeds=num_seeds,
        difference=unknown,
        noise=SeedNoise(
            variance=np.asarray(2 * seed_deviation**2), freedom=np.asarray(num_seeds - 1.0)
        ),
        between_image_sd=of_images,
        interaction_sd=np.asarray(0.0),
        image_freedom=np.asarray(max(freedom, 1.0)),
        standard_error=unknown,
        low=unknown,
        high=unknown,
        p=unknown,
    )


def _factor_for_power(
    pilot: SeedVariance, difference: float, num_seeds: int, power: float, level: float
) -> float:
    """Times the patients for which a difference is found with the power; inf for none."""
    if num_seeds < 2:
        return float("inf")
    factors = np.geomspace(1 / MOST, MOST, 600)
    found = decision_power(
        difference, pilot, num_seeds=num_seeds, image_factor=factors, level=level
    )
    is_enough = found >= power
    return float(factors[is_enough.argmax()]) if is_enough.any() else float("inf")


def _find_detectable(pilot: SeedVariance, power: float, level: float) -> float:
    """The difference whose power is the one asked for, by bisection; NaN with one seed."""
    if pilot.num_seeds < 2:
        return float("nan")
    low, high = 0.0, 1.0
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        is_found = float(decision_power(middle, pilot, level=level)) >= power
        low, high = (low, middle) if is_found else (middle, high)
    return high
