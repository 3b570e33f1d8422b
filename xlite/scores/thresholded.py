"""Scores at a threshold, and thresholds fitted to maximise F1.

N images, C classes. Targets are (N, C) int8: 1 present, 0 absent, -1 unknown; an unknown entry is
left out of its class alone. An image is called positive when prob >= threshold.

An undefined score is NaN, never 0.0: precision without predicted positives, recall and F1 without
positives, specificity without negatives. An F1 of 0.0 is a finding: positives exist and none was
found, which is how a collapsed class looks.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xlite.arrays import refuse_entries
from xlite.errors import ArgumentError
from xlite.labels import UNKNOWN
from xlite.scores.ranking import (
    PerClass,
    Probs,
    Targets,
    ThresholdSweep,
    check_scores,
    sweep_classes,
)

Counts = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class ConfusionCounts:
    """The confusion matrix of each class over its known entries; the sum of two pools them."""

    true_positives: Counts
    """(C,) present and called positive."""
    false_positives: Counts
    """(C,) absent and called positive."""
    false_negatives: Counts
    """(C,) present and called negative."""
    true_negatives: Counts
    """(C,) absent and called negative."""

    def __add__(self, other: ConfusionCounts) -> ConfusionCounts:
        return ConfusionCounts(
            true_positives=self.true_positives + other.true_positives,
            false_positives=self.false_positives + other.false_positives,
            false_negatives=self.false_negatives + other.false_negatives,
            true_negatives=self.true_negatives + other.true_negatives,
        )


def confusion_counts(targets: Targets, predictions: NDArray[np.bool_]) -> ConfusionCounts:
    """The confusion matrix of each class; targets: (N, C), predictions: (N, C) bool.

    Raises ArgumentError when the shapes differ or predictions are not bool.

    >>> targets = np.array([[1], [1], [0], [-1]], dtype=np.int8)
    >>> counts = confusion_counts(targets, np.array([[True], [False], [True], [True]]))
    >>> counts.true_positives, counts.false_positives, counts.false_negatives
    (array([1]), array([1]), array([1]))
    """
    if targets.ndim != 2 or targets.shape != predictions.shape or predictions.dtype != np.bool_:
        raise ArgumentError(
            f"targets (N, C) and bool predictions (N, C) are needed; got {targets.shape} and "
            f"{predictions.shape} of {predictions.dtype}"
        )
    is_present, is_absent = targets == 1, targets == 0
    true_positives = (is_present & predictions).sum(axis=0)
    false_positives = (is_absent & predictions).sum(axis=0)
    return ConfusionCounts(
        true_positives=true_positives,
        false_positives=false_positives,
        false_negatives=is_present.sum(axis=0) - true_positives,
        true_negatives=is_absent.sum(axis=0) - false_positives,
    )


def count_at_thresholds(targets: Targets, probs: Probs, thresholds: PerClass) -> ConfusionCounts:
    """The confusion matrix of each class at its threshold, (C,), with prob >= threshold positive.

    A NaN threshold (nothing to fit it on) leaves its class unjudged: all four counts are 0, so
    that every score of them is NaN. Raises ArgumentError on NaN or infinite probs.
    """
    check_scores(targets, probs)
    if thresholds.shape != targets.shape[1:]:
        raise ArgumentError(
            f"{targets.shape[1]} classes need as many thresholds; got {thresholds.shape}"
        )
    judged = np.where(np.isnan(thresholds), np.int8(UNKNOWN), targets)
    return confusion_counts(judged, probs >= thresholds)


def precision(counts: ConfusionCounts) -> PerClass:
    """TP / (TP + FP) of each class, (C,); NaN where nothing was called positive."""
    return _divide(counts.true_positives, counts.true_positives + counts.false_positives)


def recall(counts: ConfusionCounts) -> PerClass:
    """TP / (TP + FN) of each class, (C,), also called sensitivity; NaN without positives."""
    return _divide(counts.true_positives, counts.true_positives + counts.false_negatives)


def specificity(counts: ConfusionCounts) -> PerClass:
    """TN / (TN + FP) of each class, (C,); NaN without negatives."""
    return _divide(counts.true_negatives, counts.true_negatives + counts.false_positives)


def f1(counts: ConfusionCounts) -> PerClass:
    """2 TP / (2 TP + FP + FN) of each class, (C,); NaN without positives.

    Deviates from scikit-learn in one case: without positives but with false alarms it says 0.0.
    We say NaN, since no classifier could have scored anything else there.
    """
    num_positives = counts.true_positives + counts.false_negatives
    num_called = counts.true_positives + counts.false_positives
    scores = _divide(2 * counts.true_positives, num_positives + num_called)
    return np.where(num_positives > 0, scores, np.nan)


def fit_f1_thresholds(targets: Targets, probs: Probs) -> PerClass:
    """The threshold of each class, (C,) in [0, 1], that maximises F1 on these very rows.

    It lies midway between the lowest score called positive and the next lower score, so that it
    hangs on no single image; it is 0.0 where calling every image positive is best. Of several best
    thresholds the highest is taken (fewest false alarms). NaN for a class without positives.
    An F1 at these thresholds on the same rows is optimistic: see `crossfit_f1`.

    targets: (N, C). probs: (N, C) in [0, 1], else ArgumentError.

    >>> targets = np.array([[0], [0], [1], [1]], dtype=np.int8)
    >>> fit_f1_thresholds(targets, np.array([[0.1], [0.2], [0.4], [0.8]])).round(3).tolist()
    [0.3]
    """
    refuse_entries((probs < 0) | (probs > 1), "probs outside [0, 1]")
    return np.array([_fit_f1_threshold(sweep) for sweep in sweep_classes(targets, probs)])


def crossfit_f1(targets: Targets, probs: Probs, groups: NDArray[Any]) -> PerClass:
    """The F1 of each class, (C,), with no row judged at a threshold that was fitted on it.

    See `crossfit_counts`. NaN for a class that lacks positives in either half.
    """
    return f1(crossfit_counts(targets, probs, groups))


def crossfit_counts(targets: Targets, probs: Probs, groups: NDArray[Any]) -> ConfusionCounts:
    """The confusion matrix of each class at thresholds that no row helped to fit for itself.

    Thresholds that maximise F1 are fitted on one half of the patients and judged on the other,
    and the reverse; the counts of both are pooled. `groups`: (N,) patient ids, halved by
    `assign_halves`.
    """
    if groups.shape != targets.shape[:1]:
        raise ArgumentError(f"{targets.shape[0]} rows need as many groups, got {groups.shape}")
    in_first = assign_halves(targets, groups)
    halves = (in_first, ~in_first)
    first, second = (
        count_at_thresholds(
            targets[judged], probs[judged], fit_f1_thresholds(targets[fitted], probs[fitted])
        )
        for fitted, judged in (halves, halves[::-1])
    )
    return first + second


def assign_halves(targets: Targets, groups: NDArray[Any]) -> NDArray[np.bool_]:
    """Whether each of N rows falls in the first half: (N,) bool, all rows of a group together.

    targets: (N, C). groups: (N,) patient ids. The positives of each class are shared out as evenly
    as whole patients allow, rarest class first: by chance all positives of one with a handful of
    patients would fall into one half in one of sixteen data sets, and have no F1. Each patient
    goes where it evens out Σ_c (difference of the halves in positives of c / all of them)². The
    others, and ties, are halved by the lowest bit of the CRC-32 of str(id). So the halves do not
    depend on the order of the rows, on the machine or on the type of an id (13 and "13" agree,
    13.0 does not).

    >>> targets = np.array([[1], [1], [0], [1], [1]], dtype=np.int8)
    >>> halves = assign_halves(targets, np.array(["a", "a", "b", "c", "d"]))
    >>> bool(halves[0] == halves[1]), bool(halves[3] == halves[4]), bool(halves[0] == halves[3])
    (True, True, False)
    """
    ids = np.array([str(group) for group in groups.tolist()], dtype=np.str_)
    distinct, patients = np.unique(ids, return_inverse=True)
    in_first = np.array([zlib.crc32(text.encode()) & 1 for text in distinct.tolist()], dtype=bool)
    positives = np.array(
        [
            np.bincount(patients, weights=column == 1, minlength=len(distinct))
            for column in targets.T
        ]
    ).T
    totals = positives.sum(axis=0)
    # A label of two patients weighs more than any imbalance of common ones.
    weights = 1 / np.square(np.maximum(totals, 1))
    rarest = np.where(positives > 0, totals, np.inf).min(axis=1, initial=np.inf)
    balance = np.zeros(targets.shape[1])
    for patient in np.lexsort((np.arange(len(distinct)), -positives.sum(axis=1), rarest)):
        if not np.isfinite(rarest[patient]):
            break
        own = positives[patient]
        pull = float(weights @ (balance * own))
        if pull:
            in_first[patient] = pull < 0
        balance += own if in_first[patient] else -own
    return np.asarray(in_first[patients])


def place_threshold(sweep: ThresholdSweep, index: int) -> float:
    """The threshold that calls what `sweep.thresholds[index]` calls, with room below.

    Midway to the next lower score of any image, 0.0 where there is none.

    >>> from xlite.scores.ranking import sweep_thresholds
    >>> scores = np.array([0.25, 0.5, 0.75])
    >>> place_threshold(sweep_thresholds(np.array([0, 1, 1], dtype=np.int8), scores), 0)
    0.375
    """
    lowest_called = float(sweep.thresholds[index])
    num_below = sweep.num_negatives - int(sweep.false_positives[index])
    below = [*sweep.thresholds[:index][-1:], *sweep.negatives[:num_below][-1:]]
    if not below:
        return 0.0
    highest_left = float(max(below))
    midway = highest_left + (lowest_called - highest_left) / 2
    # Between two neighbouring floats there is no midway: the sum may round down to the lower.
    return midway if midway > highest_left else lowest_called


def _fit_f1_threshold(sweep: ThresholdSweep) -> float:
    if sweep.num_positives == 0:
        return float("nan")
    num_called = sweep.true_positives + sweep.false_positives
    # Equal fractions divide to equal floats, so ties are found exactly; the last is the highest.
    scores = 2 * sweep.true_positives / (num_called + sweep.num_positives)
    best = len(scores) - 1 - int(np.argmax(scores[::-1]))
    return place_threshold(sweep, best)


def _divide(numerator: Counts, denominator: Counts) -> PerClass:
    ratio = np.full(numerator.shape, np.nan)
    np.divide(numerator, denominator, out=ratio, where=denominator > 0)
    return ratio
