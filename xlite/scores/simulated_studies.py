"""Studies like one that was made, drawn from what it shows of its own sources of chance.

A study of A arms under S seeds has a score of each run, and the same in R resamples of the patients
(`seed_variance`). A study like it has, for each run,

    score = truth + what a resample did to this very run + what a seed does to this arm

Resamples are taken whole, so that arms, seeds and labels go on hanging together as images make
them, skewed where few patients have a label. What seeds do is drawn from what they may
(`seed_posterior`): a shift of all labels, which is all that the macro mean has of it, and what
each label has beside it, which leaves the mean as it is. What such a study would say of its own
errors varies, too: of its images as χ² with the degrees of freedom that its interval assumes.

C labels that are judged, and the macro mean as the last of C + 1 columns; T trials.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from xlite.scores.seed_posterior import (
    MULTIPLES,
    UNLIKENESS,
    draw_places,
    weigh_labels,
    weigh_macro,
)
from xlite.scores.seed_variance import (
    SeedNoise,
    estimate_seed_noise,
    split_variance,
)

Values = NDArray[np.float64]

_LEAST_VARIANCE = 1e-12
_MOST_FREEDOM = 1e9


@dataclass(frozen=True, kw_only=True, eq=False)
class ObservedStudy:
    """What is known of a study; the pair that is judged is its first two arms."""

    scores: Values
    """(A, S, C + 1) of each run."""
    deviations: Values
    """(A, S, R, C + 1) what each resample of the patients adds to them."""
    image: Values
    """(C + 1) σ_b² + σ_c² / S, the variance that images give the mean over seeds."""
    interaction: Values
    """(C + 1) σ_c², what images do to the difference of each seed apart."""
    image_freedom: Values
    """(C + 1) the degrees of freedom of the images."""


@dataclass(frozen=True, kw_only=True, eq=False)
class SimulatedStudies:
    """What T studies have found of a pair of arms, of which one may differ as was planted."""

    baseline: Values
    """(C) AUROC of the first arm."""
    change: Values
    """(T, C + 1) the difference of the pair, mean over seeds."""
    margins: Values
    """(C, T, C + 1) half the width of its interval, at a tail that is divided by 1 to C."""
    one_sided: Values
    """(T,) the same of the macro mean, at twice the tail."""

    def plant(self, truth: Values) -> SimulatedStudies:
        """The same studies if the second arm truly differed so, where now it does not.

        truth: (C + 1). The better a model, the less do patients and seeds move it: the sd of an
        AUROC A goes as √(A (1 - A)), so those of the pair go as the root of the mean of both.
        """
        alike = _spread_of(self.baseline)
        both = (alike + _spread_of(self.baseline + truth[:-1])) / 2
        share = np.sqrt(np.append(both / alike, both.sum() / alike.sum()))
        return replace(
            self,
            change=self.change * share + truth,
            margins=self.margins * share,
            one_sided=self.one_sided * share[-1],
        )

    def find_significant(self) -> NDArray[np.bool_]:
        """(T, C) whether a label's difference has a Holm-corrected p below 1 - level.

        A label's p is below a k-th of it just where the margin at that tail is less than the
        difference.
        """
        passed = (np.abs(self.change) > self.margins)[:, :, :-1].sum(axis=0)
        ascending = np.sort(passed, axis=1)[:, ::-1]
        is_next = ascending >= np.arange(ascending.shape[1], 0, -1)
        rejected = np.cumprod(is_next, axis=1).sum(axis=1, keepdims=True)
        last = np.take_along_axis(ascending, np.maximum(rejected - 1, 0), axis=1)
        return np.asarray((passed >= last) & (rejected > 0))


def simulate_studies(
    study: ObservedStudy,
    *,
    trials: int,
    rng: np.random.Generator,
    level: float = 0.95,
    seed_share: float | None = None,
) -> SimulatedStudies:
    """Studies of two alike arms beside others, as large as the one observed, of two seeds or more.

    seed_share: take the σ_a that this share of what is likely lies below, instead of drawing it.
    """
    arms, seeds, resamples, columns = study.deviations.shape
    of_macro, unlike = _draw_macro(study, trials, rng, seed_share)
    of_labels = _draw_labels(study, trials, rng)
    scores = _draw_seeds(of_macro, of_labels, (arms, seeds), rng)
    scores[1] *= unlike[:, np.newaxis]
    scores += study.deviations[:, :, rng.integers(resamples, size=trials)]
    noise = estimate_seed_noise(scores)
    freedom = np.clip(study.image_freedom, 1, _MOST_FREEDOM)
    seen = rng.chisquare(freedom, (trials, columns)) / freedom
    parts = split_variance(noise, study.interaction * seen, study.image * seen, seeds)
    tail = (1 - level) / 2
    margins = _find_margins(
        parts, (noise.freedom, freedom), tail / np.append(0.5, np.arange(1, columns))
    )
    return SimulatedStudies(
        baseline=study.scores[0, :, :-1].mean(axis=0),
        change=(scores[1] - scores[0]).mean(axis=0),
        margins=margins[1:],
        one_sided=margins[0, :, -1],
    )


def _spread_of(auroc: Values) -> Values:
    # Beyond the ends no score can be: there it is as steady as the best, as unsteady as chance.
    kept = np.clip(auroc, 0.5, 0.995)
    return np.asarray(kept * (1 - kept))


def _draw_macro(
    study: ObservedStudy, trials: int, rng: np.random.Generator, seed_share: float | None
) -> tuple[Values, Values]:
    """σ_a of the macro mean and how unlike the others the second arm is, (T,) each."""
    image = max(float(study.image[-1]), _LEAST_VARIANCE)
    own, rest = _split_noise(study.scores[..., -1])
    weights = weigh_macro(own, rest, float(study.interaction[-1]), image)
    places = draw_places(weights.reshape(-1), trials, rng)
    multiple, unlike = np.unravel_index(places, weights.shape)
    if seed_share is not None:
        multiple = np.full(trials, int((np.cumsum(weights.sum(axis=1)) < seed_share).sum()))
    return MULTIPLES[multiple] * np.sqrt(image), UNLIKENESS[unlike]


def _draw_labels(study: ObservedStudy, trials: int, rng: np.random.Generator) -> Values:
    """σ_a of each label, (T, C)."""
    image = np.maximum(study.image[:-1], _LEAST_VARIANCE)
    own, rest = _split_noise(study.scores[..., :-1])
    # All arms, and no choice by what they show: that of the interval takes the larger.
    freedom = own.freedom + rest.freedom
    both = (own.variance * own.freedom + rest.variance * rest.freedom) / freedom
    noise = SeedNoise(variance=both, freedom=freedom)
    weights = weigh_labels(noise, study.interaction[:-1], image)
    return np.asarray(MULTIPLES[draw_places(weights, trials, rng)] * np.sqrt(image))


def _split_noise(scores: Values) -> tuple[SeedNoise, SeedNoise]:
    """τ² of the pair of arms by itself, and that of a pair among the rest; scores: (A, S, ...)."""
    arms, seeds = scores.shape[:2]
    own = np.asarray((scores[1] - scores[0]).var(axis=0, ddof=1))
    left = scores - scores.mean(axis=1, keepdims=True)
    left = left - left.mean(axis=0)
    freedom = (arms - 2) * (seeds - 1)
    squares = 2 * (left**2).sum(axis=(0, 1)) - (seeds - 1) * own
    rest = np.maximum(squares, 0.0) / max(freedom, 1)
    return (
        SeedNoise(variance=own, freedom=np.full(own.shape, seeds - 1.0)),
        SeedNoise(variance=rest, freedom=np.full(own.shape, float(freedom))),
    )


def _draw_seeds(
    of_macro: Values, of_labels: Values, runs: tuple[int, int], rng: np.random.Generator
) -> Values:
    """(A, S, T, C + 1) what seeds add to the score of each run, half the variance of a difference.

    of_macro: (T,), of_labels: (T, C).
    """
    macro = of_macro[:, np.newaxis]
    beside = np.sqrt(np.maximum(of_labels**2 - macro**2, 0.0) / 2)
    shifts = rng.standard_normal((*runs, len(macro), 1)) * macro / np.sqrt(2)
    apart = rng.standard_normal((*runs, *of_labels.shape)) * beside
    apart -= apart.mean(axis=-1, keepdims=True)
    return np.concatenate([shifts + apart, shifts], axis=-1)


def _find_margins(
    parts: tuple[Values, Values], freedoms: tuple[Values, Values], tails: Values
) -> Values:
    """`margin_of` at K tails, (K, T, C + 1), of trials that share few degrees of freedom."""
    squares = np.zeros((len(tails), *parts[0].shape))
    for part, freedom in zip(parts, freedoms, strict=True):
        distinct, place = np.unique(freedom, return_inverse=True)
        quantiles = np.square(stdtrit(distinct, tails[:, np.newaxis]))
        squares += part * quantiles[:, np.broadcast_to(place.reshape(freedom.shape), part.shape)]
    return np.asarray(np.sqrt(squares))
