"""What drawn batches hold, and whether they follow the weights.

N images, C classes, K distinct label sets, M batches.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from xlite.labels import has_no_finding
from xlite.sampling.label_sets import LabelSets
from xlite.sampling.sampler import EpochSampler

if TYPE_CHECKING:
    from numpy.typing import NDArray

DrawBatches = Callable[[EpochSampler, int], "Iterator[NDArray[np.int64]]"]
"""Gives the image rows of a number of batches of a sampler."""

_LEAST_EXPECTED = 5.0


@dataclass(frozen=True, eq=False)
class DrawnBatches:
    """What M batches of a sampler really held."""

    class_counts: NDArray[np.int64]
    """(M, C) positives of each batch."""
    no_finding_counts: NDArray[np.int64]
    """(M,) images without a finding of each batch."""
    set_counts: NDArray[np.int64]
    """(K,) draws of each label set over all batches."""
    num_images: int
    """Draws over all batches."""

    @property
    def share(self) -> NDArray[np.float64]:
        """(C,) each class's share of all drawn positives."""
        positives = self.class_counts.sum(axis=0)
        return np.asarray(positives / max(int(positives.sum()), 1))

    @property
    def no_finding_share(self) -> float:
        """The share of drawn images without a finding."""
        return float(self.no_finding_counts.sum() / self.num_images)


def count_draws(
    batches: Iterator[NDArray[np.int64]], labels: NDArray[np.int8], sets: LabelSets
) -> DrawnBatches:
    """What batches, each an array of image rows, hold."""
    rows = list(batches)
    is_healthy = has_no_finding(labels)
    return DrawnBatches(
        class_counts=np.stack([(labels[batch] == 1).sum(axis=0) for batch in rows]),
        no_finding_counts=np.array([is_healthy[batch].sum() for batch in rows]),
        set_counts=np.bincount(sets.inverse[np.concatenate(rows)], minlength=len(sets.counts)),
        num_images=sum(len(batch) for batch in rows),
    )


def fit_draws(drawn: DrawnBatches, sets: LabelSets, weights: NDArray[np.float64] | None) -> float:
    """The p-value of Pearson's chi-square of the drawn label sets against the weights'.

    Sets are the most that can be told apart: if they fit, so do all classes and their
    co-occurrence. Those with fewer than 5 expected draws are pooled, commonest first. Draws
    without replacement vary less than the test assumes, so it errs towards agreement there.
    """
    w = np.ones(sets.num_images) if weights is None else weights
    mass = np.bincount(sets.inverse, weights=w, minlength=len(sets.counts))
    expected = mass / mass.sum() * drawn.num_images
    order = np.argsort(-expected, kind="stable")
    expected, observed = expected[order], drawn.set_counts[order].astype(np.float64)
    num_large = max(int((expected >= _LEAST_EXPECTED).sum()), 1)
    if expected[num_large:].sum() >= _LEAST_EXPECTED:
        edges = np.arange(num_large + 1)
    else:
        # The rest is too small to stand alone and joins the last large set.
        edges = np.arange(num_large)
    expected = np.add.reduceat(expected, edges)
    observed = np.add.reduceat(observed, edges)
    if len(expected) < 2:
        return 1.0
    statistic = float((np.square(observed - expected) / expected).sum())
    # Imported here: scipy takes 0.2 s, which the command's other checks need not wait for.
    from scipy.special import chdtrc

    return float(chdtrc(len(expected) - 1, statistic))


@dataclass(frozen=True, eq=False)
class LabelFit:
    """How far what was drawn of each label is from what was expected."""

    z: NDArray[np.float64]
    """(C,) in standard deviations; below 0: drawn too rarely. 0 for a label that is never drawn."""

    @property
    def p_value(self) -> float:
        """The chance that any of the labels is as far off, by Bonferroni's bound."""
        return min(1.0, len(self.z) * math.erfc(float(np.abs(self.z).max()) / math.sqrt(2)))

    @property
    def worst(self) -> int:
        """The label that is furthest off."""
        return int(np.abs(self.z).argmax())


def fit_labels(drawn: DrawnBatches, positives_per_image: NDArray[np.float64]) -> LabelFit:
    """How far the drawn positives of each label are from n draws of (C,) positives an image.

    A test over hundreds of label sets hardly sees that one label is drawn too rarely; this one does
    (docs/judging.md). z is the signed root of the binomial deviance, with half a draw taken off
    for continuity: of 30 expected positives a normal z would be 0.4 off at 4.5. Draws without
    replacement vary less than is assumed, so that it errs towards agreement there.

    >>> drawn = DrawnBatches(np.array([[50, 50]]), np.array([0]), np.array([100]), 1000)
    >>> fit_labels(drawn, np.array([0.05, 0.1])).z.round(2).tolist()
    [0.0, -5.72]
    """
    return fit_counts(drawn.class_counts.sum(axis=0), positives_per_image, drawn.num_images)


def fit_counts(
    counts: NDArray[np.int64], expected_share: NDArray[np.float64], num_draws: int
) -> LabelFit:
    """The same of how many of n draws had each of some properties, as their labels or sources."""
    n, observed = num_draws, counts.astype(np.float64)
    expected = n * np.asarray(expected_share, dtype=np.float64)
    gap = observed - expected
    nearer = observed - np.sign(gap) * np.minimum(np.abs(gap), 0.5)
    deviance = 2 * (_entropy_term(nearer, expected) + _entropy_term(n - nearer, n - expected))
    return LabelFit(z=np.sign(gap) * np.sqrt(np.maximum(deviance, 0)))


def _entropy_term(observed: NDArray[np.float64], expected: NDArray[np.float64]) -> Any:
    """observed · log(observed / expected), 0 where nothing is observed."""
    # Where nothing was expected and something came, no weights could have drawn it.
    with np.errstate(divide="ignore"):
        ratio = np.divide(observed, expected, out=np.ones_like(observed), where=observed > 0)
    return observed * np.log(ratio)


def iterate_batches(sampler: EpochSampler, num_batches: int) -> Iterator[NDArray[np.int64]]:
    """The image rows of each of M batches, over as many epochs as they need."""

    def batches() -> Iterator[NDArray[np.int64]]:
        epoch = 0
        while True:
            sampler.set_epoch(epoch)
            for rows in sampler:
                yield np.array(rows)
            epoch += 1

    return islice(batches(), num_batches)
