"""What it would take to decide: how many seeds, or how many times as many images.

The plan rests on the variance components of a pilot (`SeedVariance`) and on a difference that is
taken to be true. With S seeds and f times as many patients (so f times as many positives),

    se² = σ_a² / S + (σ_b² + σ_c² / S) / f

and the interval of `combine_seeds` excludes 0 when |d / se| is above the quantile t of Student's
distribution with its degrees of freedom ν. The chance of that is, with the normal approximation to
the non-central t distribution (Johnson and Welch 1940; Abramowitz and Stegun 26.7.10),

    power = Φ((|δ| / se - t (1 - 1/4ν)) / √(1 + t² / 2ν))

A difference that was observed to be large is on average too large, and so is the power: plan with
the smallest difference that would change the decision where there is one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, stdtrit

from xlite.scores.seed_variance import SeedVariance, satterthwaite_freedom

_MOST_SEEDS = 1000
_LARGEST_FACTOR = 1000.0


@dataclass(frozen=True, kw_only=True)
class DecisionNeed:
    """What would decide a difference; `inf` where this alone never would."""

    power_now: float
    """The chance that a repetition at the present size decides, in [0, 1]."""
    num_seeds: float
    """Seeds in all, on the present images; inf where more than 1,000 are needed."""
    image_factor: float
    """Patients as a multiple of the present ones, with the present seeds; inf above 1,000."""
    num_positives: float
    """Positives at that multiple; NaN when the present number was not given."""


def estimate_need(
    pilot: SeedVariance,
    *,
    difference: float | None = None,
    num_positives: int | None = None,
    power: float = 0.8,
    level: float = 0.95,
) -> DecisionNeed:
    """How many seeds, or how many times as many images, would decide a single difference.

    pilot: of a scalar difference (macro AUROC, or one class). difference: the one to be decided,
    by default the observed one. num_positives: those of the present test set. All fields are NaN
    where the pilot has one seed, since the spread of seeds is unknown then.

    >>> seeds = np.array([0.010, 0.002, 0.006])
    >>> drawn = np.random.default_rng(0).normal(0.006, 0.0005, (3, 500))
    >>> from xlite.scores.seed_variance import combine_seeds
    >>> need = estimate_need(combine_seeds(seeds, drawn))
    >>> need.num_seeds, need.image_factor
    (6.0, inf)
    """
    if np.shape(pilot.difference):
        raise ValueError("the pilot has to be of one difference, not of one a class")
    if pilot.num_seeds < 2 or np.isnan(pilot.standard_error):
        nan = float("nan")
        return DecisionNeed(power_now=nan, num_seeds=nan, image_factor=nan, num_positives=nan)
    effect = abs(float(pilot.difference) if difference is None else difference)
    seeds = np.arange(2, _MOST_SEEDS + 1)
    # Steps of 1 %: no plan is more exact than that.
    factors = np.geomspace(1.0, _LARGEST_FACTOR, 700)
    with_seeds = decision_power(effect, pilot, num_seeds=seeds, level=level)
    with_images = decision_power(effect, pilot, image_factor=factors, level=level)
    factor = _first(factors, with_images >= power)
    return DecisionNeed(
        power_now=float(with_images[0]),
        num_seeds=_first(seeds, with_seeds >= power),
        image_factor=factor,
        num_positives=float("nan")
        if num_positives is None
        else float(np.ceil(factor * num_positives)),
    )


def decision_power(
    difference: float,
    pilot: SeedVariance,
    *,
    num_seeds: Any = None,
    image_factor: Any = 1.0,
    level: float = 0.95,
) -> NDArray[np.float64]:
    """The chance, in [0, 1], that the total interval excludes 0 on the side of the difference.

    num_seeds (the pilot's by default) and image_factor broadcast against each other.
    """
    count = np.asarray(pilot.num_seeds if num_seeds is None else num_seeds, dtype=float)
    seed, interaction = pilot.between_seed_sd**2, pilot.interaction_sd**2
    shared = np.maximum(pilot.between_image_sd**2 - interaction / pilot.num_seeds, 0.0)
    total = seed / count + (shared + interaction / count) / image_factor
    freedom = satterthwaite_freedom(total, seed + interaction / image_factor, count)
    critical = stdtrit(freedom, 0.5 + level / 2)
    # Without any variance a difference is certain, and none is never found.
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.nan_to_num(abs(difference) / np.sqrt(total), nan=0.0)
    spread = np.sqrt(1 + critical**2 / (2 * freedom))
    return np.asarray(ndtr((ratio - critical * (1 - 1 / (4 * freedom))) / spread))


def _first(candidates: NDArray[Any], is_enough: NDArray[np.bool_]) -> float:
    return float(candidates[int(is_enough.argmax())]) if is_enough.any() else float("inf")
