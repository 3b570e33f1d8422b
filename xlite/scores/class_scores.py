"""Every score of each class at once, from one set of predictions.

N images, C classes. Targets are (N, C) int8: 1 present, 0 absent, -1 unknown; an unknown entry is
left out of its class alone.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from xlite.scores.auroc_interval import auroc_interval
from xlite.scores.calibration import fit_calibration_line
from xlite.scores.operating_points import balanced_accuracy, matthews_correlation
from xlite.scores.ranking import PerClass, Probs, Targets, ranking_scores
from xlite.scores.reliability import (
    brier_score,
    expected_calibration_error,
    trace_reliability,
)
from xlite.scores.thresholded import (
    ConfusionCounts,
    count_at_thresholds,
    f1,
    precision,
    recall,
    specificity,
)

FEW_POSITIVES = 30
"""Below this number of positives a class is marked: its intervals are wide, and those of F1 and of
the Brier score too short."""


def score_classes(
    targets: Targets,
    probs: Probs,
    *,
    groups: NDArray[Any] | None = None,
    thresholds: PerClass | None = None,
    level: float = 0.95,
) -> dict[str, NDArray[Any]]:
    """Every score of each class, (C,) each, NaN where it is undefined.

    targets: (N, C). probs: (N, C) in [0, 1]. groups: (N,) patient ids, by which the interval of
    AUROC (`auroc_interval`) takes account of several images a patient. thresholds:
    (C,), fitted on other images; without them the scores at fitted thresholds are left out.

    Keys: positives, prevalence, few_positives; auroc, auroc_low, auroc_high, average_precision;
    brier, ece, calibration_slope, calibration_intercept, calibration_in_the_large; and f1,
    precision, recall, specificity, balanced_accuracy, mcc, each with `_at_half` (threshold 0.5)
    and, where thresholds are given, without. Raises ArgumentError for probs outside [0, 1].
    """
    auroc, average_precision = ranking_scores(targets, probs)
    interval = auroc_interval(targets, probs, patients=groups, level=level)
    line = fit_calibration_line(targets, probs)
    positives = (targets == 1).sum(axis=0)
    known = (targets >= 0).sum(axis=0)
    scores: dict[str, NDArray[Any]] = {
        "positives": positives,
        "prevalence": np.where(known > 0, positives / np.maximum(known, 1), np.nan),
        "few_positives": positives < FEW_POSITIVES,
        "auroc": auroc,
        "auroc_low": interval.low,
        "auroc_high": interval.high,
        "average_precision": average_precision,
        "brier": brier_score(targets, probs),
        "ece": expected_calibration_error(trace_reliability(targets, probs)),
        "calibration_slope": line.slope,
        "calibration_intercept": line.intercept,
        "calibration_in_the_large": line.in_the_large,
    }
    at_half = count_at_thresholds(targets, probs, np.full(targets.shape[1], 0.5))
    scores |= {f"{name}_at_half": values for name, values in score_counts(at_half).items()}
    if thresholds is not None:
        scores |= score_counts(count_at_thresholds(targets, probs, thresholds))
        scores["threshold"] = thresholds
    return scores


def score_counts(counts: ConfusionCounts) -> dict[str, PerClass]:
    """Every score of a confusion matrix, (C,) each; of pooled classes (1,): the micro scores."""
    return {
        "f1": f1(counts),
        "precision": precision(counts),
        "recall": recall(counts),
        "specificity": specificity(counts),
        "balanced_accuracy": balanced_accuracy(counts),
        "mcc": matthews_correlation(counts),
    }
