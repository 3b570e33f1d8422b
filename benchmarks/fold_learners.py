"""Two small learners over folds of one data set, of which it is known how much better one is.

Each sees features of its own, drawn alike: without a gain neither is better in expectation, though
on any one data set one of them will be.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import rankdata

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class Trial:
    """A data set with a finding in 30 % of images, and the scores that both learners give them."""

    targets: NDArray[np.int8]
    """(N,)."""
    folds: NDArray[np.intp]
    """(R, N), the fold that an image is tested in, in each of R repeats."""
    scores: NDArray[np.float64]
    """(2, R, N), out of fold."""
    differences: NDArray[np.float64]
    """(R times K,) of AUROC in each fold, second learner minus first."""


def draw_trial(
    rng: np.random.Generator,
    *,
    num_images: int = 200,
    num_features: int = 10,
    effect: float = 0.25,
    gain: float = 0.0,
    num_folds: int = 5,
    repeats: int = 1,
    seeds: int = 1,
    seed_spread: float = 0.0,
) -> list[Trial]:
    """A new data set, and what both learners make of it: a trial a seed, on the same folds.

    effect: how far each feature of an image with the finding lies from those without, in standard
    deviations; those of the second learner by `gain` farther. seed_spread: how far a seed moves
    what a learner looks for, in every fold alike, as initial weights do.
    """
    targets = np.zeros(num_images, dtype=np.int8)
    targets[: round(0.3 * num_images)] = 1
    features = [
        rng.normal(size=(num_images, num_features)) + (effect + extra) * targets[:, None]
        for extra in (0.0, gain)
    ]
    folds = np.array([_deal(targets, num_folds, rng) for _ in range(repeats)])
    return [
        _train(features, targets, folds, rng.normal(0, seed_spread, (2, num_features)))
        for _ in range(seeds)
    ]


def _train(
    features: list[NDArray[np.float64]],
    targets: NDArray[np.int8],
    folds: NDArray[np.intp],
    begins: NDArray[np.float64],
) -> Trial:
    """Both learners over the folds; begins: (2, features), where each begins in all of them."""
    scores = np.empty((2, *folds.shape))
    differences = []
    for repeat, dealt in enumerate(folds):
        for fold in np.unique(dealt):
            test = dealt == fold
            for learner, seen in enumerate(features):
                direction = _learn(seen[~test], targets[~test]) + begins[learner]
                scores[learner, repeat, test] = seen[test] @ direction
            first, second = (auroc_of(targets[test], one[test]) for one in scores[:, repeat])
            differences.append(second - first)
    return Trial(targets=targets, folds=folds, scores=scores, differences=np.array(differences))


def auroc_of(targets: NDArray[np.int8], scores: NDArray[np.float64]) -> float:
    """The AUROC of continuous scores, which have no ties."""
    is_positive = targets == 1
    num, others = int(is_positive.sum()), int((~is_positive).sum())
    ranks: float = rankdata(scores)[is_positive].sum()
    return (ranks - num * (num + 1) / 2) / (num * others)


def _deal(targets: NDArray[np.int8], num_folds: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """The fold of each image, as many with the finding in each."""
    folds = np.empty(len(targets), dtype=np.intp)
    for value in (0, 1):
        rows = rng.permutation(np.flatnonzero(targets == value))
        folds[rows] = np.arange(len(rows)) % num_folds
    return folds


def _learn(features: NDArray[np.float64], targets: NDArray[np.int8]) -> NDArray[np.float64]:
    """The direction from the mean of images without the finding to that of those with it."""
    direction: NDArray[np.float64] = features[targets == 1].mean(axis=0)
    return direction - features[targets == 0].mean(axis=0)
