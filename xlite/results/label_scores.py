"""Scores of an evaluation: a row a label, and their means.

A score of calls comes twice: at the fitted thresholds (`f1`), and at 0.5 (`f1_at_half`). What is
undefined is NaN.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from xlite.results import Number, NumberIfAny, Result

FEW_NOTE = "too few to tell a good model from a fair one"
"""How the note ends that a label with few positives has."""


@dataclass(frozen=True, kw_only=True)
class LabelScores(Result):
    """Every score of one label, with intervals."""

    left_out: ClassVar[frozenset[str]] = frozenset(
        {"brier_uncalibrated", "ece_uncalibrated", "calibration_slope_uncalibrated"}
    )

    positives: int
    prevalence: Number
    """Among the images where the label is known."""
    few_positives: bool
    """Fewer than 30: too few to tell a good model from a fair one."""
    auroc: Number
    auroc_low: Number
    auroc_high: Number
    average_precision: Number
    brier: Number
    ece: Number
    """The expected calibration error, in bins of equal numbers of images."""
    calibration_slope: Number
    calibration_intercept: Number
    calibration_in_the_large: Number
    f1_at_half: Number
    precision_at_half: Number
    recall_at_half: Number
    specificity_at_half: Number
    balanced_accuracy_at_half: Number
    mcc_at_half: Number
    brier_uncalibrated: NumberIfAny = None
    """Before probs were scaled; None where they are not, and for the next two."""
    ece_uncalibrated: NumberIfAny = None
    calibration_slope_uncalibrated: NumberIfAny = None
    f1: Number
    precision: Number
    recall: Number
    specificity: Number
    balanced_accuracy: Number
    mcc: Number
    threshold: Number
    """Fitted on all of the images that thresholds are fitted on, for use elsewhere."""
    true_positives: int
    false_positives: int
    false_negatives: int
    true_negatives: int
    average_precision_low: Number
    average_precision_high: Number
    f1_low: Number
    f1_high: Number
    brier_low: Number
    brier_high: Number
    average_precision_random: Number
    """The average precision of random scores: the prevalence."""
    notes: tuple[str, ...] = ()
    """What keeps a reader from trusting some of it."""


@dataclass(frozen=True, kw_only=True)
class MeanScores(Result):
    """The mean of each score over the labels where it is defined."""

    auroc: Number
    average_precision: Number
    f1: Number
    precision: Number
    recall: Number
    specificity: Number
    balanced_accuracy: Number
    mcc: Number
    brier: Number
    ece: Number
    calibration_slope: Number
    f1_at_half: Number
    precision_at_half: Number
    recall_at_half: Number
    specificity_at_half: Number
    balanced_accuracy_at_half: Number
    mcc_at_half: Number
    average_precision_random: Number


@dataclass(frozen=True, kw_only=True)
class MacroScores(MeanScores):
    """The plain mean over labels, of some scores with its interval."""

    auroc_low: Number
    auroc_high: Number
    average_precision_low: Number
    average_precision_high: Number
    f1_low: Number
    f1_high: Number
    brier_low: Number
    brier_high: Number


@dataclass(frozen=True, kw_only=True)
class MicroScores(Result):
    """Scores of all entries of all labels as if they were of one."""

    auroc: Number
    average_precision: Number
    f1: Number
    precision: Number
    recall: Number
    specificity: Number
    balanced_accuracy: Number
    mcc: Number
    brier: Number
    f1_at_half: Number
    precision_at_half: Number
    recall_at_half: Number
    specificity_at_half: Number
    balanced_accuracy_at_half: Number
    mcc_at_half: Number
