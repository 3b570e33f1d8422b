"""The ROC and precision-recall curves of each class, for drawing.

N images, C classes, K points. Targets are (N, C) int8: 1 present, 0 absent, -1 unknown; an unknown
entry is left out of its class alone.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from xlite.scores.ranking import Probs, Targets, ThresholdSweep, sweep_classes

Curve = tuple[NDArray[np.float64], NDArray[np.float64]]


def trace_roc(targets: Targets, probs: Probs) -> list[Curve | None]:
    """False and true positive rates, (K,) each, of each class from (0, 0) to (1, 1).

    The area under the straight lines between the points is AUROC, ties included. None for a class
    without positives or negatives.

    >>> targets = np.array([[0], [1]], dtype=np.int8)
    >>> [curve] = trace_roc(targets, np.array([[0.2], [0.8]]))
    >>> [rates.tolist() for rates in curve]
    [[0.0, 0.0, 0.0, 1.0], [0.0, 0.0, 1.0, 1.0]]
    """
    return [_trace_roc(sweep) for sweep in sweep_classes(targets, probs)]


def trace_precision_recall(targets: Targets, probs: Probs) -> list[Curve | None]:
    """Recall and precision, (K,) each, of each class by ascending recall, from recall 0.

    Drawn as steps that hold the precision of the point to their right, the area is average
    precision. None for a class without positives or negatives.

    >>> targets = np.array([[0], [1], [1]], dtype=np.int8)
    >>> [curve] = trace_precision_recall(targets, np.array([[0.5], [0.8], [0.2]]))
    >>> [values.round(2).tolist() for values in curve]
    [[0.0, 0.5, 1.0], [1.0, 1.0, 0.67]]
    """
    return [_trace_precision_recall(sweep) for sweep in sweep_classes(targets, probs)]


def _trace_roc(sweep: ThresholdSweep) -> Curve | None:
    if not sweep.num_positives or not sweep.num_negatives:
        return None
    # Down the thresholds: first right to the negatives above it, then over those tied with it.
    found = sweep.true_positives[::-1]
    before = np.concatenate([[0], found[:-1]])
    alarms = np.stack([sweep.negatives_above[::-1], sweep.false_positives[::-1]], axis=1)
    called = np.stack([before, found], axis=1)
    false_rate = np.concatenate([[0], alarms.ravel(), [sweep.num_negatives]])
    true_rate = np.concatenate([[0], called.ravel(), [sweep.num_positives]])
    return false_rate / sweep.num_negatives, true_rate / sweep.num_positives


def _trace_precision_recall(sweep: ThresholdSweep) -> Curve | None:
    if not sweep.num_positives or not sweep.num_negatives:
        return None
    found = sweep.true_positives[::-1]
    precision = found / (found + sweep.false_positives[::-1])
    recall = found / sweep.num_positives
    return np.concatenate([[0.0], recall]), np.concatenate([precision[:1], precision])
