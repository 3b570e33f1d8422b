"""Whether probabilities mean what they say: Brier score, reliability curve and its error.

N images, C classes, K bins. Targets are (N, C) int8: 1 present, 0 absent, -1 unknown; an unknown
entry is left out of its class alone. Probs are in [0, 1].
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xlite.arrays import refuse_entries
from xlite.scores.ranking import PerClass, Probs, Targets, check_scores


@dataclass(frozen=True, kw_only=True, eq=False)
class ReliabilityCurve:
    """What was said and what was observed, in bins of nearly equal numbers of images."""

    mean_prob: NDArray[np.float64]
    """(C, K) mean prob of the bin; NaN where it is empty."""
    observed: NDArray[np.float64]
    """(C, K) share of positives in the bin; NaN where it is empty."""
    count: NDArray[np.int64]
    """(C, K) known images in the bin."""


def brier_score(targets: Targets, probs: Probs) -> PerClass:
    """The mean squared error of probs (N, C) of each class, (C,); NaN without known entries.

    Brier 1950 (Mon. Weather Rev. 78:1), in the form for one class: 0 is perfect, and always saying
    the prevalence π scores π (1 - π), which is small for a rare class however poor the model.

    >>> targets = np.array([[1], [0], [-1]], dtype=np.int8)
    >>> brier_score(targets, np.array([[0.5], [0.1], [0.9]])).round(3).tolist()
    [0.13]
    """
    check_probs(targets, probs)
    is_known = targets >= 0
    squared = np.where(is_known, (probs.astype(np.float64) - targets) ** 2, 0.0).sum(axis=0)
    count = is_known.sum(axis=0)
    return np.where(count > 0, squared / np.maximum(count, 1), np.nan)


def trace_reliability(targets: Targets, probs: Probs, *, num_bins: int = 15) -> ReliabilityCurve:
    """The reliability curve of each class, in bins that hold nearly equal numbers of images.

    Bins of equal width would leave all but the first nearly empty for a rare class (Nixon et al.
    2019, arXiv:1904.01685). Equal probs share a bin, that of the middle of their ranks, so that
    the curve does not depend on the order of the rows; a bin may stay empty for it.
    """
    check_probs(targets, probs)
    num_classes = targets.shape[1]
    sums = np.zeros((3, num_classes, num_bins))
    for column in range(num_classes):
        is_known = targets[:, column] >= 0
        said = probs[is_known, column].astype(np.float64)
        distinct, inverse, counts = np.unique(said, return_inverse=True, return_counts=True)
        bins = _bin_counts(counts, num_bins)
        sums[0, column] = np.bincount(bins, weights=counts, minlength=num_bins)
        sums[1, column] = np.bincount(bins, weights=counts * distinct, minlength=num_bins)
        positives = np.bincount(inverse, weights=targets[is_known, column], minlength=distinct.size)
        sums[2, column] = np.bincount(bins, weights=positives, minlength=num_bins)
    count = sums[0]
    means = np.full((2, num_classes, num_bins), np.nan)
    np.divide(sums[1:], count, out=means, where=count > 0)
    return ReliabilityCurve(mean_prob=means[0], observed=means[1], count=count.astype(np.int64))


def assign_bins(said: NDArray[Any], *, num_bins: int = 15) -> NDArray[np.int64]:
    """The bin of each of N probs in the reliability curve of these, (N,) in [0, num_bins).

    >>> assign_bins(np.array([0.2, 0.9, 0.2, 0.7]), num_bins=2).tolist()
    [0, 1, 0, 1]
    """
    _, inverse, counts = np.unique(said.astype(np.float64), return_inverse=True, return_counts=True)
    return _bin_counts(counts, num_bins)[inverse]


def expected_calibration_error(curve: ReliabilityCurve) -> PerClass:
    """The mean distance of said from observed, weighted by images, (C,); NaN without any.

    ECE = Σ_k (n_k / n) |observed_k - mean prob_k| (Naeini et al. 2015), over equal-mass bins.
    Chance alone gives a perfect model about √(2 K v / (3.14 n)), v the mean of prob (1 - prob), so
    compare models on the same images only.

    >>> targets = np.array([[0], [1], [0], [1]], dtype=np.int8)
    >>> curve = trace_reliability(targets, np.array([[0.2], [0.2], [0.6], [0.8]]), num_bins=2)
    >>> expected_calibration_error(curve).round(3).tolist()
    [0.25]
    """
    total = curve.count.sum(axis=1)
    gaps = np.where(curve.count > 0, np.abs(curve.observed - curve.mean_prob), 0.0)
    error = (curve.count * gaps).sum(axis=1) / np.maximum(total, 1)
    return np.where(total > 0, error, np.nan)


def _bin_counts(counts: NDArray[np.intp], num_bins: int) -> NDArray[np.int64]:
    """The bin of each distinct prob, ascending, of which there are so many."""
    # Twice the middle rank, so that the bin follows from integers alone.
    twice_middle = 2 * counts.cumsum() - counts
    total = 2 * max(int(counts.sum()), 1)
    return np.minimum(twice_middle * num_bins // total, num_bins - 1).astype(np.int64)


def check_probs(targets: Targets, probs: Probs) -> None:
    """Raise ArgumentError unless targets and probs fit each other and probs are in [0, 1]."""
    check_scores(targets, probs)
    refuse_entries((probs < 0) | (probs > 1), "probs outside [0, 1]")
