"""Thresholds chosen by sensitivity and specificity, and the scores that weigh the two.

N images, C classes. Targets are (N, C) int8: 1 present, 0 absent, -1 unknown; an unknown entry is
left out of its class alone. An image is called positive when prob >= threshold. Thresholds that
maximise F1 are in `thresholded`; whichever they are, fit them on validation and judge elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from xlite.errors import ArgumentError
from xlite.scores.ranking import PerClass, Probs, Targets, ThresholdSweep, sweep_classes
from xlite.scores.reliability import check_probs
from xlite.scores.thresholded import ConfusionCounts, place_threshold, recall, specificity


def balanced_accuracy(counts: ConfusionCounts) -> PerClass:
    """(sensitivity + specificity) / 2 of each class, (C,); NaN without positives or negatives."""
    return (recall(counts) + specificity(counts)) / 2


def matthews_correlation(counts: ConfusionCounts) -> PerClass:
    """The correlation of calls with targets of each class, (C,) in [-1, 1] (Matthews 1975).

    (TP TN - FP FN) / √((TP + FP)(TP + FN)(TN + FP)(TN + FN)). NaN without positives or negatives.
    0 where all images are called alike: a limit that scikit-learn takes too, and a finding, since
    other calls could have scored.

    >>> table = [np.array([3]), np.array([1]), np.array([1]), np.array([3])]
    >>> names = ("true_positives", "false_positives", "false_negatives", "true_negatives")
    >>> matthews_correlation(ConfusionCounts(**dict(zip(names, table, strict=True)))).tolist()
    [0.5]
    """
    # As floats: the product of four counts overflows int64 from 55,000 images on.
    tp, fp = counts.true_positives.astype(float), counts.false_positives.astype(float)
    fn, tn = counts.false_negatives.astype(float), counts.true_negatives.astype(float)
    scale = np.sqrt(tp + fp) * np.sqrt(tp + fn) * np.sqrt(tn + fp) * np.sqrt(tn + fn)
    correlation = np.where(scale > 0, (tp * tn - fp * fn) / np.where(scale > 0, scale, 1), 0.0)
    return np.where((tp + fn > 0) & (tn + fp > 0), correlation, np.nan)


def fit_youden_thresholds(targets: Targets, probs: Probs) -> PerClass:
    """The threshold of each class, (C,), that maximises sensitivity + specificity on these rows.

    Youden 1950 (Cancer 3:32). Of several best the highest is taken. NaN for a class without
    positives or negatives. targets: (N, C). probs: (N, C) in [0, 1], else ArgumentError.

    >>> targets = np.array([[0], [0], [1], [1]], dtype=np.int8)
    >>> fit_youden_thresholds(targets, np.array([[0.1], [0.2], [0.4], [0.8]])).round(3).tolist()
    [0.3]
    """

    def fit(sweep: ThresholdSweep) -> float:
        # J times m n, in integers, so that ties are found exactly.
        gain = (
            sweep.true_positives * sweep.num_negatives - sweep.false_positives * sweep.num_positives
        )
        return place_threshold(sweep, len(gain) - 1 - int(np.argmax(gain[::-1])))

    return _fit(targets, probs, fit)


def fit_sensitivity_thresholds(targets: Targets, probs: Probs, *, sensitivity: float) -> PerClass:
    """The highest threshold of each class, (C,), that finds at least this share of positives.

    It has the highest specificity of those. NaN as in `fit_youden_thresholds`. Raises ArgumentError
    for a sensitivity outside (0, 1].

    >>> targets = np.array([[0], [1], [0], [1]], dtype=np.int8)
    >>> probs = np.array([[0.1], [0.3], [0.5], [0.8]])
    >>> fit_sensitivity_thresholds(targets, probs, sensitivity=0.9).round(3).tolist()
    [0.2]
    """
    _check_share(sensitivity, "sensitivity")

    def fit(sweep: ThresholdSweep) -> float:
        # The lowest threshold finds all, so that one is always enough.
        is_enough = sweep.true_positives / sweep.num_positives >= sensitivity
        return place_threshold(sweep, int(np.flatnonzero(is_enough)[-1]))

    return _fit(targets, probs, fit)


def fit_specificity_thresholds(targets: Targets, probs: Probs, *, specificity: float) -> PerClass:
    """The threshold of each class, (C,), that spares this share of negatives and finds the most.

    Where sparing them leaves no positive to find it lies above the negatives to be spared. NaN as
    in `fit_youden_thresholds`, and where negatives of prob 1.0 make it impossible. Raises
    ArgumentError for a specificity outside (0, 1].

    >>> targets = np.array([[0], [1], [0], [1]], dtype=np.int8)
    >>> probs = np.array([[0.1], [0.3], [0.5], [0.8]])
    >>> fit_specificity_thresholds(targets, probs, specificity=0.9).round(3).tolist()
    [0.65]
    """
    _check_share(specificity, "specificity")

    def fit(sweep: ThresholdSweep) -> float:
        spared = sweep.num_negatives - sweep.false_positives
        enough = np.flatnonzero(spared / sweep.num_negatives >= specificity)
        if enough.size:
            return place_threshold(sweep, int(enough[0]))
        ranks = np.arange(1, sweep.num_negatives + 1) / sweep.num_negatives
        highest_spared = float(sweep.negatives[int(np.flatnonzero(ranks >= specificity)[0])])
        return float(np.nextafter(highest_spared, 2.0)) if highest_spared < 1 else float("nan")

    return _fit(targets, probs, fit)


def _fit(targets: Targets, probs: Probs, fit: Callable[[ThresholdSweep], float]) -> PerClass:
    check_probs(targets, probs)
    return np.array(
        [
            fit(sweep) if sweep.num_positives and sweep.num_negatives else np.nan
            for sweep in sweep_classes(targets, probs)
        ]
    )


def _check_share(share: float, name: str) -> None:
    if not 0 < share <= 1:
        raise ArgumentError(f"{name} has to be in (0, 1], got {share}")
