"""How far seeds are likely to move a difference, when few of them have shown it.

σ_a, the sd that another seed adds to a difference on endlessly many images, rests on one to a dozen
degrees of freedom: from two seeds it may be off by a factor of ten. It is weighed by the evidence,

    ν τ̂² / (σ_a² + σ_c²) ~ χ²_ν          σ_c²: what resampling says that images do to each seed

and by a prior, without which two seeds say nothing: half-Cauchy (Gelman 2006, Bayesian Anal. 1:515,
for standard deviations of few groups), with what images do to the difference as its scale. So seeds
are as likely to move a difference further than the images do as less far.

A macro mean is weighed alone. Labels have as few degrees of freedom each, but are many: they lie
around one multiple of what images do to them, by a factor of two or so, so that one label's lucky
pair of seeds is not believed.

C labels, T draws, G points of the grid.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from xlite.scores.seed_variance import SeedNoise

Values = NDArray[np.float64]

MULTIPLES = np.geomspace(1 / 16, 16, 65)
"""(G,) σ_a as multiples of the sd that images give a difference."""
_LIKELY_MULTIPLES = MULTIPLES / (1 + np.square(MULTIPLES))
"""The half-Cauchy density on the logarithmic grid."""
UNLIKENESS = np.array([0.5, 1.0, 2.0])
"""How far seeds may move one arm, as multiples of how far they move the others."""

_LIKELY_UNLIKENESS = np.array([0.25, 0.5, 0.25])
_LABELS_APART = np.log(2.0)


def weigh_macro(own: SeedNoise, rest: SeedNoise, interaction: float, image: float) -> Values:
    """The weights (G, 3) of what the seeds of a difference may do, with a sum of 1.

    own: τ̂² of the pair; rest: of two arms among the others, ν = 0 where there are none; 3: the
    UNLIKENESS of the pair's second arm. interaction: σ_c²; image: variance by images, above 0.
    """
    of_seeds = image * np.square(MULTIPLES)[:, np.newaxis]
    of_pair = of_seeds * (1 + np.square(UNLIKENESS)) / 2
    log_weights = _log_likelihood(own, of_pair + interaction) + np.log(_LIKELY_UNLIKENESS)
    log_weights += np.log(_LIKELY_MULTIPLES)[:, np.newaxis]
    if float(rest.freedom):
        log_weights = log_weights + _log_likelihood(rest, of_seeds + interaction)
    else:
        log_weights[:, UNLIKENESS != 1] = -np.inf
    weights = np.exp(log_weights - log_weights.max())
    return np.asarray(weights / weights.sum())


def weigh_labels(noise: SeedNoise, interaction: Values, image: Values) -> Values:
    """The weights (G, C) of what seeds may do to each label, with a sum of 1 over the grid.

    noise: τ̂² of each label, (C,) as interaction and image are.

    >>> seen = SeedNoise(variance=np.full(9, 5.0), freedom=np.full(9, 4.0))
    >>> weights = weigh_labels(seen, np.zeros(9), np.ones(9))
    >>> (MULTIPLES @ weights).round(1).tolist()[:2]
    [2.6, 2.6]
    """
    of_seeds = np.square(MULTIPLES)[:, np.newaxis] * image + interaction
    log_weights = _log_likelihood(noise, of_seeds)
    likelihood = np.exp(log_weights - log_weights.max(axis=0))
    apart = np.log(MULTIPLES)[:, np.newaxis] - np.log(MULTIPLES)
    around = np.exp(-0.5 * np.square(apart / _LABELS_APART))
    around /= around.sum(axis=1, keepdims=True)
    # (G, C): how well a label agrees with each multiple that all may lie around.
    agrees = around @ likelihood
    common = np.log(agrees).sum(axis=1) + np.log(_LIKELY_MULTIPLES)
    common = np.exp(common - common.max())
    weights = likelihood * (around.T @ (common[:, np.newaxis] / agrees))
    return np.asarray(weights / weights.sum(axis=0))


def draw_places(weights: Values, count: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Places on the first axis, (T, ...), each as likely as its weight."""
    below = np.cumsum(weights, axis=0)
    chance = rng.random((count, *weights.shape[1:])) * below[-1]
    return np.asarray((chance[np.newaxis] > below[:-1, np.newaxis]).sum(axis=0))


def _log_likelihood(noise: SeedNoise, variance: Any) -> Values:
    """Of a variance that may be true, up to a constant."""
    return np.asarray(-noise.freedom / 2 * (np.log(variance) + noise.variance / variance))
