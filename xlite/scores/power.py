"""What it would take to decide: how many seeds, or how many times as many images.

The plan rests on the variance components of a pilot (`SeedVariance`) and on a difference that is
taken to be true. With S seeds and f times as many patients (so f times as many positives),

    se² = σ_a² / S + (σ_b² + σ_c² / S) / f

and the interval of `combine_seeds` excludes 0 when |d| exceeds its margin m, which rests on the τ²
that those seeds will show. The chance of that is a mean over what they may show,

    power = E[Φ((|δ| - m(V)) / se)],   V = τ² χ²_ν / ν

since the mean and the variance of normal differences are independent.

A pilot of few seeds hardly knows σ_a: from two it may be off by a factor of ten. So every answer is
a range. Its ends take τ² = σ_a² + σ_c² at the limits of its 80 % interval, ν τ̂² / χ²_ν: the truth
lies below it in one pilot of ten, and above it in another. A single number, that of τ̂², is below
the truth in most pilots.

A difference that was observed to be large is on average too large, and so is the power: plan with
the smallest difference that would change the decision where there is one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtri, ndtr

from xlite.scores.seed_variance import SeedNoise, SeedVariance, margin_of, split_variance

_MOST_SEEDS = 1000
_LARGEST_FACTOR = 1000.0
_PARTS = 40
_OUTSIDE = 0.1
"""The chance that the truth lies below a range, and that it lies above."""


class Range(NamedTuple):
    """Limits between which the truth lies in 8 of 10 pilots; NaN where nothing can be said."""

    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class DecisionNeed:
    """What would decide a difference; `inf` where this alone may never do it."""

    power_now: Range
    """The chance that a repetition at the present size decides, in [0, 1]."""
    num_seeds: Range
    """Seeds in all, on the present images; inf where more than 1,000 are needed."""
    image_factor: Range
    """Patients as a multiple of the present ones, with the present seeds; inf above 1,000."""


def estimate_need(
    pilot: SeedVariance, *, difference: float | None = None, power: float = 0.8, level: float = 0.95
) -> DecisionNeed:
    """How many seeds, or how many times as many images, would decide a single difference.

    pilot: of a scalar difference (macro AUROC, or one class). difference: the one to be decided,
    by default the observed one. All is NaN where the pilot has one seed, since the spread of seeds
    is unknown then.

    >>> seeds = np.array([0.010, 0.002, 0.006])
    >>> drawn = np.random.default_rng(0).normal(0.006, 0.0005, (3, 500))
    >>> from xlite.scores.seed_variance import combine_seeds
    >>> need = estimate_need(combine_seeds(seeds, drawn))
    >>> need.num_seeds, need.image_factor
    (Range(low=4.0, high=36.0), Range(low=inf, high=inf))
    """
    if np.shape(pilot.difference):
        raise ValueError("the pilot has to be of one difference, not of one a class")
    if pilot.num_seeds < 2 or np.isnan(pilot.standard_error):
        nowhere = Range(float("nan"), float("nan"))
        return DecisionNeed(power_now=nowhere, num_seeds=nowhere, image_factor=nowhere)
    effect = abs(float(pilot.difference) if difference is None else difference)
    # Every number of seeds up to 25, and steps of 4 % then: no plan is more exact than that.
    seeds = np.unique(np.geomspace(2, _MOST_SEEDS, 150).round())
    factors = np.geomspace(1.0, _LARGEST_FACTOR, 150)
    now, of_seeds, of_images = [], [], []
    for tail in (1 - _OUTSIDE, _OUTSIDE):
        possible = _take_noise(pilot, tail)
        with_seeds = decision_power(effect, possible, num_seeds=seeds, level=level)
        with_images = decision_power(effect, possible, image_factor=factors, level=level)
        now.append(float(with_images[0]))
        of_seeds.append(_first(seeds, with_seeds >= power))
        of_images.append(_first(factors, with_images >= power))
    return DecisionNeed(
        power_now=Range(now[1], now[0]), num_seeds=Range(*of_seeds), image_factor=Range(*of_images)
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

    num_seeds (the pilot's by default) and image_factor broadcast against each other. Whether other
    arms will tell of the seeds as well is not known beforehand: they are planned to be of no help.
    """
    count = np.asarray(pilot.num_seeds if num_seeds is None else num_seeds, dtype=float)
    seed, interaction = pilot.between_seed_sd**2, pilot.interaction_sd**2
    shared = np.maximum(pilot.between_image_sd**2 - interaction / pilot.num_seeds, 0.0)
    interaction, shared = interaction / image_factor, shared / image_factor
    image, freedom = shared + interaction / count, count - 1
    # What the seeds may show, at the middles of equal parts of χ²; one more axis, in front.
    tails = (np.arange(_PARTS) + 0.5) / _PARTS
    shown = chdtri(freedom, np.expand_dims(tails, tuple(range(1, 1 + image.ndim)))) / freedom
    noise = SeedNoise(variance=(seed + interaction) * shown, freedom=freedom)
    parts = split_variance(noise, interaction, image, count)
    margin = margin_of(parts, (freedom, pilot.image_freedom * image_factor), (1 - level) / 2)
    # Without any variance a difference is certain, and none is never found.
    with np.errstate(divide="ignore", invalid="ignore"):
        excess = (abs(difference) - margin) / np.sqrt(seed / count + image)
    return np.asarray(ndtr(np.nan_to_num(excess, nan=-np.inf)).mean(axis=0))


def _take_noise(pilot: SeedVariance, tail: float) -> SeedVariance:
    """The pilot as it would be if τ² were the limit that leaves `tail` of χ² above the observed."""
    noise = pilot.noise
    limit = noise.variance * noise.freedom / chdtri(noise.freedom, 1 - tail)
    return replace(pilot, noise=replace(noise, variance=limit))


def _first(candidates: NDArray[Any], is_enough: NDArray[np.bool_]) -> float:
    return float(candidates[int(is_enough.argmax())]) if is_enough.any() else float("inf")
