"""Threshold-free scores of each class: AUROC and average precision.

N images, C classes, K distinct scores among the positives of one class. Targets are (N, C) int8:
1 present, 0 absent, -1 unknown; an unknown entry is left out of its class alone.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from xlite.arrays import refuse_entries
from xlite.errors import ArgumentError
from xlite.labels import UNKNOWN

Targets = NDArray[np.int8]
Probs = NDArray[np.floating[Any]]
PerClass = NDArray[np.float64]


class ThresholdSweep(NamedTuple):
    """What each useful threshold of one class finds, thresholds ascending.

    Only scores of positives are kept: between two of them a lower threshold adds nothing but
    false positives, so AUROC, average precision and the best F1 are all decided there.
    """

    thresholds: NDArray[np.float64]
    """(K,) distinct scores of the positives."""
    positives_tied: NDArray[np.int64]
    """(K,) positives whose score equals the threshold."""
    true_positives: NDArray[np.int64]
    """(K,) positives at or above the threshold."""
    false_positives: NDArray[np.int64]
    """(K,) negatives at or above the threshold."""
    negatives_above: NDArray[np.int64]
    """(K,) negatives strictly above the threshold."""
    negatives: NDArray[np.float64]
    """All scores of the negatives, ascending."""

    @property
    def num_positives(self) -> int:
        """Number of known positives."""
        return int(self.positives_tied.sum())

    @property
    def num_negatives(self) -> int:
        """Number of known negatives."""
        return self.negatives.size


def sweep_thresholds(targets: NDArray[np.int8], scores: NDArray[np.float64]) -> ThresholdSweep:
    """The counts at every distinct positive score of one class; targets and scores: (N,).

    Each score is sorted once, among the positives or among the negatives: numpy sorts plain
    values several times faster than it argsorts all scores together.
    """
    thresholds, tied = np.unique(scores[targets == 1], return_counts=True)
    negatives = np.sort(scores[targets == 0])
    return ThresholdSweep(
        thresholds=thresholds,
        positives_tied=tied,
        true_positives=tied[::-1].cumsum()[::-1],
        false_positives=negatives.size - negatives.searchsorted(thresholds, side="left"),
        negatives_above=negatives.size - negatives.searchsorted(thresholds, side="right"),
        negatives=negatives,
    )


def sweep_classes(targets: Targets, probs: Probs) -> list[ThresholdSweep]:
    """One sweep a class of (N, C) targets and probs; raises ArgumentError as `check_scores`."""
    check_scores(targets, probs)
    columns = np.ascontiguousarray(probs.T, dtype=np.float64)
    return [
        sweep_thresholds(class_targets, scores)
        for class_targets, scores in zip(np.ascontiguousarray(targets.T), columns, strict=True)
    ]


def ranking_scores(targets: Targets, probs: Probs) -> tuple[PerClass, PerClass]:
    """AUROC and average precision of each class, (C,) and (C,), from one sort.

    AUROC is the chance that a positive outranks a negative, a tie counting half: the statistic
    of Mann and Whitney 1947. Average precision is Σ_k (R_k - R_{k-1}) P_k over descending
    distinct scores, without interpolation, as scikit-learn defines it.

    targets: (N, C), 1, 0 or -1 (unknown, left out). probs: (N, C), any finite scores. Both scores
    are NaN for a class without known positives or without known negatives: every ranking of it
    would have an average precision of 0/0 or 1. Raises ArgumentError on NaN or infinite probs.

    >>> targets = np.array([[0], [0], [1], [1]], dtype=np.int8)
    >>> roc, ap = ranking_scores(targets, np.array([[0.1], [0.4], [0.35], [0.8]]))
    >>> roc.round(3).tolist(), ap.round(3).tolist()
    ([0.75], [0.833])
    """
    sweeps = sweep_classes(targets, probs)
    roc = np.full(len(sweeps), np.nan)
    precision = np.full(len(sweeps), np.nan)
    for column, sweep in enumerate(sweeps):
        num_positives, num_negatives = sweep.num_positives, sweep.num_negatives
        if num_positives == 0 or num_negatives == 0:
            continue
        # Twice the number of negatives outranked, ties counted once: integers stay exact.
        outranked = 2 * num_negatives - sweep.false_positives - sweep.negatives_above
        pairs = 2 * num_positives * num_negatives
        roc[column] = int(sweep.positives_tied @ outranked) / pairs
        at_threshold = sweep.true_positives / (sweep.true_positives + sweep.false_positives)
        precision[column] = float(sweep.positives_tied @ at_threshold) / num_positives
    return roc, precision


def auroc(targets: Targets, probs: Probs) -> PerClass:
    """The area under the ROC curve of each class, (C,); see `ranking_scores`."""
    return ranking_scores(targets, probs)[0]


def average_precision(targets: Targets, probs: Probs) -> PerClass:
    """The average precision of each class, (C,); see `ranking_scores`."""
    return ranking_scores(targets, probs)[1]


def macro_mean(values: PerClass) -> tuple[float, tuple[int, ...]]:
    """The mean of (C,) scores over the defined classes, and the indices of the undefined ones.

    The mean is NaN when no class is defined. Whoever prints it has to name the classes left out.

    >>> macro_mean(np.array([0.5, np.nan, 1.0]))
    (0.75, (1,))
    """
    undefined = np.isnan(values)
    left_out = tuple(int(column) for column in np.flatnonzero(undefined))
    if undefined.all():
        return float("nan"), left_out
    return float(values[~undefined].mean()), left_out


def check_scores(targets: Targets, probs: Probs) -> None:
    """Raise ArgumentError unless targets and probs are equal-shaped (N, C), coded and finite.

    A NaN prob is refused under an unknown target too: the model that made it is broken.
    """
    if targets.ndim != 2 or targets.shape != probs.shape:
        raise ArgumentError(
            f"targets and probs must both be (N, C); got {targets.shape} and {probs.shape}"
        )
    is_coded = (targets == 1) | (targets == 0) | (targets == UNKNOWN)
    refuse_entries(~is_coded, "targets other than 1, 0 and -1")
    refuse_entries(~np.isfinite(probs), "NaN or infinite probs")
