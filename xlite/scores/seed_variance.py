"""A difference of two models over several seeds: how much of it is seeds, how much is images.

S seeds, R resamples of the patients, A arms (models) trained with these seeds; further axes
(classes) may follow. With d_s the difference of the variant and the baseline of seed s on the test
images,

    d_s = δ + a_s + b + c_s     a_s: the seed, b: the images, c_s: these images under this seed
    Var(mean of d_s) = σ_a² / S + σ_b² + σ_c² / S

Every seed is judged on the same images, so b is common to all: no number of seeds averages it out,
and no number of images averages out a_s. The parts are estimated from

    τ² = σ_a² + σ_c² = Var_s(d_s)                          on ν degrees of freedom (`SeedNoise`)
    σ_c² = Σ_s Var_r(d_sr - mean_s d_sr) / (S - 1)         what resampling does to each seed apart
    σ_a² = max(0, τ² - σ_c²)                               what seeds add to it
    σ_b² + σ_c² / S = Var_r(mean_s d_sr)                   what resampling does to their mean

with d_sr the difference of seed s in resample r, the same patients for every seed and model.

The limits of Banerjee 1960 (Sankhyā 22:357) give each part the quantile of its own degrees of
freedom, and have at least the nominal coverage for parts that are estimated apart:

    mean ± √(t_ν² σ_a² / S + t_μ² (σ_b² + σ_c² / S))       μ: patients with a finding, less one

With ν = 1 (two seeds of two models) nothing is subtracted: t_1² τ² / S + t_μ² σ_b². One degree of
freedom shows τ² too small by chance so often that what is left of it after subtraction covers
91 % instead of 95. Satterthwaite's degrees of freedom, the textbook's choice, have that fault
too: where seeds dominate, 10 % errors with two seeds and 7 % with three instead of 5.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import fdtri, stdtrit

from xlite.scores.anytime import Looks

Values = NDArray[np.float64]

POOLING_GUARD = 0.6
"""The quantile of F up to which a pair's own variance may exceed the rest's and still be pooled.

Arms whose seeds move alike err in at most 4 % at a nominal 5; with one arm of twice their spread
in 6 %, where 0.75 errs in 8 % and no guard in 13 %.
"""

LARGEST_FREEDOM = 1e9
"""Where Student's distribution is the normal one."""
_SMALLEST_TAIL = 1e-12


@dataclass(frozen=True, kw_only=True, eq=False)
class SeedNoise:
    """τ² = σ_a² + σ_c² of a difference of two arms under one seed; every array has shape (...)."""

    variance: Values
    """NaN with one seed."""
    freedom: Values
    """Its degrees of freedom, ν; 0 with one seed."""


@dataclass(frozen=True, kw_only=True, eq=False)
class SeedVariance:
    """The mean difference over seeds with its sources of error; every array has shape (...)."""

    num_seeds: int
    difference: Values
    """Mean of the differences over seeds."""
    noise: SeedNoise
    """τ², what seeds were seen to add on these images, and how surely."""
    between_image_sd: Values
    """√(σ_b² + σ_c² / S), the sd of this mean on other patients, these seeds given."""
    interaction_sd: Values
    """σ_c, how differently other patients move the seeds; NaN with one seed."""
    image_freedom: Values
    """μ, the degrees of freedom of the images."""
    standard_error: Values
    """Both sources together; with one seed the images alone."""
    low: Values
    """Lower limit of the interval over both sources; with one seed over the images alone."""
    high: Values
    """Its upper limit."""
    p: Values
    """Two-sided p of no difference: 1 less the level of the interval that ends at 0."""
    looks: Looks | None = None
    """The looks that limits and p hold at together; None for those of one look alone."""

    @property
    def between_seed_sd(self) -> Values:
        """σ_a, the sd of another seed on endlessly many images; NaN with one seed."""
        return np.sqrt(np.maximum(self.noise.variance - self.interaction_sd**2, 0.0))

    def chance_below(self, limit: float) -> Values:
        """The probability that the true difference lies below a limit: the interval's own tail.

        NaN where nothing varies, as between predictions that are the very same.
        """
        spread = (self.interaction_sd**2, self.between_image_sd**2)
        is_repeated = self.looks is not None
        parts = split_variance(self.noise, *spread, self.num_seeds, is_repeated=is_repeated)
        of_patients = np.where(self.image_freedom < 1, np.nan, self.image_freedom)
        distance = limit - self.difference
        freedoms = (self.noise.freedom, of_patients)
        tail = _find_p(np.abs(distance), parts, freedoms, self.looks) / 2
        tail = np.where(parts[0] + parts[1] > 0, tail, np.nan)
        return np.where(distance < 0, tail, 1 - tail)


def estimate_seed_noise(scores: Values, *, baseline: int = 0, variant: int = 1) -> SeedNoise:
    """How far seeds move the difference of two of A arms, from the spread of all where they agree.

    scores: (A, S, ...) of A ≥ 2 arms under the same S seeds. A seed gives every arm the same order,
    augmentation and initialisation: it is a block, and what is left of (A, S) scores after the
    means of arms and of seeds has (A - 1)(S - 1) degrees of freedom instead of the pair's S - 1.
    The pair's own variance is used instead where it is larger than the rest's by more than the
    `POOLING_GUARD` quantile of F: an arm that seeds move more than the others has to say so itself.

    >>> noise = estimate_seed_noise(np.array([[0.1, 0.3], [0.2, 0.4], [0.3, 0.3], [0.4, 0.6]]))
    >>> float(noise.variance.round(4)), float(noise.freedom)
    (0.01, 3.0)
    """
    num_arms, num_seeds = scores.shape[:2]
    shape = scores.shape[2:]
    if num_seeds < 2:
        return SeedNoise(variance=np.full(shape, np.nan), freedom=np.zeros(shape))
    own = np.asarray((scores[variant] - scores[baseline]).var(axis=0, ddof=1))
    own_freedom = float(num_seeds - 1)
    rest_freedom = (num_arms - 2) * own_freedom
    if not rest_freedom:
        return SeedNoise(variance=own, freedom=np.full(shape, own_freedom))
    left = scores - scores.mean(axis=1, keepdims=True)
    left = left - left.mean(axis=0)
    # A difference of two arms has twice the variance of one.
    sum_of_squares = 2 * (left**2).sum(axis=(0, 1))
    rest = np.maximum(sum_of_squares - own_freedom * own, 0.0) / rest_freedom
    # Two arms that never differ are one: what moves others does not move their difference.
    is_alike = (own > 0) & (own <= fdtri(own_freedom, rest_freedom, POOLING_GUARD) * rest)
    total_freedom = own_freedom + rest_freedom
    return SeedNoise(
        variance=np.where(is_alike, sum_of_squares / total_freedom, own),
        freedom=np.where(is_alike, total_freedom, own_freedom),
    )


def combine_seeds(
    differences: Values,
    resampled: Values,
    *,
    noise: SeedNoise | None = None,
    image_freedom: Any = LARGEST_FREEDOM,
    level: float = 0.95,
    looks: Looks | None = None,
) -> SeedVariance:
    """The mean difference over seeds, its sources of error apart and an interval for both together.

    differences: (S, ...), variant minus baseline of each seed. resampled: (S, R, ...), the same in
    each resample of the patients, equal resamples for all seeds (NaN where undefined). noise: what
    is known of the seeds, by default from these differences alone. image_freedom: (...), how many
    patients the resamples rest on, less one; limits and p are NaN below 1. looks: where the seeds
    are looked at again and again, so that limits and p hold at all of these looks together.

    >>> rng = np.random.default_rng(0)
    >>> drawn = rng.normal(0.02, 0.003, (3, 500))
    >>> over_seeds = combine_seeds(np.array([0.018, 0.020, 0.022]), drawn)
    >>> float(over_seeds.difference.round(3)), bool(over_seeds.low > 0)
    (0.02, True)
    """
    num_seeds = len(differences)
    if resampled.ndim != differences.ndim + 1 or (
        resampled.shape[:1] + resampled.shape[2:] != differences.shape
    ):
        raise ValueError(
            f"differences (S, ...) and resampled (S, R, ...) are needed; "
            f"got {differences.shape} and {resampled.shape}"
        )
    if noise is None:
        noise = estimate_seed_noise(np.stack([np.zeros_like(differences), differences]))
    mean = np.asarray(differences.mean(axis=0))
    of_patients = np.broadcast_to(np.asarray(image_freedom, dtype=float), mean.shape)
    image = _variance(resampled.mean(axis=0))
    interaction = np.full(mean.shape, np.nan)
    if num_seeds > 1:
        apart = resampled - resampled.mean(axis=0)
        interaction = np.sum([_variance(one) for one in apart], axis=0) / (num_seeds - 1)
    return conclude(
        mean,
        noise,
        interaction,
        image,
        num_seeds=num_seeds,
        image_freedom=of_patients,
        level=level,
        looks=looks,
    )


def conclude(
    mean: Values,
    noise: SeedNoise,
    interaction: Values,
    image: Values,
    *,
    num_seeds: int,
    image_freedom: Values,
    level: float,
    looks: Looks | None,
) -> SeedVariance:
    """A mean over seeds with its limits; interaction: σ_c², image: σ_b² + σ_c² / S."""
    parts = split_variance(noise, interaction, image, num_seeds, is_repeated=looks is not None)
    freedoms = (noise.freedom, np.where(image_freedom < 1, np.nan, image_freedom))
    margin = margin_of(parts, freedoms, (1 - level) / 2, looks)
    return SeedVariance(
        num_seeds=num_seeds,
        difference=mean,
        noise=noise,
        between_image_sd=np.sqrt(image),
        interaction_sd=np.sqrt(interaction),
        image_freedom=image_freedom,
        standard_error=np.sqrt(parts[0] + parts[1]),
        low=mean - margin,
        high=mean + margin,
        p=_find_p(np.abs(mean), parts, freedoms, looks),
        looks=looks,
    )


def split_variance(
    noise: SeedNoise,
    interaction: Any,
    image: Any,
    num_seeds: Any,
    *,
    is_repeated: bool = False,
) -> tuple[Values, Values]:
    """The variance of a mean over seeds in two parts: what the seeds show, what resampling shows.

    noise: τ² and ν. interaction: σ_c², which with ν = 1 is left in the first part, and taken from
    τ² else. image: σ_b² + σ_c² / S. With ν = 0 there is no first part. is_repeated: whether there
    are further looks, each of which brings a σ_c² of its own: it stays in the first part.
    """
    is_one, is_none = (noise.freedom == 1) | is_repeated, noise.freedom == 0
    known = np.where(is_one, 0.0, interaction)
    of_seeds = np.maximum(noise.variance - known, 0.0) / num_seeds
    of_images = np.maximum(image - (interaction - known) / num_seeds, 0.0)
    return np.where(is_none, 0.0, of_seeds), np.asarray(np.where(is_none, image, of_images))


def margin_of(
    parts: tuple[Values, Values],
    freedoms: tuple[Any, Any],
    tail: Any,
    looks: Looks | None = None,
) -> Values:
    """Half the width of Banerjee's interval that leaves `tail` on either side, of all looks at it.

    >>> margin = margin_of((np.array(0.0), np.array(4.0)), (0, 1e9), 0.025)
    >>> float(margin.round(2))
    3.92
    """
    tails = (tail, tail) if looks is None else looks.tails(tail)
    squares = sum(
        part * stdtrit(np.clip(freedom, 1, LARGEST_FREEDOM), each) ** 2
        for part, freedom, each in zip(parts, freedoms, tails, strict=True)
    )
    return np.asarray(np.sqrt(squares))


def _find_p(
    distance: Values,
    parts: tuple[Values, Values],
    freedoms: tuple[Any, Any],
    looks: Looks | None = None,
) -> Values:
    """The p at which `margin_of` equals the distance, by bisection of the logarithm of a tail."""
    low = np.full(distance.shape, np.log(_SMALLEST_TAIL))
    high = np.full(distance.shape, np.log(0.5))
    for _ in range(40):
        middle = (low + high) / 2
        is_wide = margin_of(parts, freedoms, np.exp(middle), looks) > distance
        low, high = np.where(is_wide, middle, low), np.where(is_wide, high, middle)
    total = parts[0] + parts[1]
    # Equal predictions differ by exactly nothing: that is no evidence, not undefined.
    p = np.where(distance == 0, 1.0, 2 * np.exp(high))
    is_known = ~np.isnan(margin_of(parts, freedoms, 0.25)) & ((total > 0) | (distance == 0))
    return np.where(is_known, p, np.nan)


def _variance(values: Values) -> Values:
    """The variance along the first axis over its defined entries; NaN with fewer than two."""
    defined = ~np.isnan(values)
    count = defined.sum(axis=0)
    mean = np.where(defined, values, 0.0).sum(axis=0) / np.maximum(count, 1)
    squares = np.where(defined, (values - mean) ** 2, 0.0).sum(axis=0)
    return np.where(count > 1, squares / np.maximum(count - 1, 1), np.nan)
