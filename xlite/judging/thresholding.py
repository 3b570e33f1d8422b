"""Thresholds: how probs become calls, fitted on one set of images and applied to another.

Each label's logit is scaled (or left as it is), and what reaches the label's threshold is called.
Thresholds are never judged on the images that they were fitted on: without images to spare they
are cross-fitted between two halves of the patients, and those in a file (`thresholds_file`) keep
what they have seen.
N images, C labels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from xlite.errors import InputError, did_you_mean
from xlite.judging.labelled_predictions import LabelledPredictions
from xlite.labels import UNKNOWN
from xlite.scores.calibration import LogitScaling, apply_scaling, fit_platt, fit_temperature
from xlite.scores.ranking import PerClass, Probs
from xlite.scores.threshold_methods import check_method, fit_by_method
from xlite.scores.threshold_stability import judge_f1_thresholds
from xlite.scores.thresholded import assign_halves

if TYPE_CHECKING:
    from numpy.typing import NDArray

CALIBRATIONS = ("none", "platt", "temperature")


@dataclass(frozen=True, eq=False, kw_only=True)
class FittedThresholds:
    """Scaling and threshold of each label, and what they were fitted on."""

    vocabulary: tuple[str, ...]
    method: str
    """What the thresholds do: one of METHODS, X a share."""
    calibration: str
    """One of CALIBRATIONS."""
    scaling: LogitScaling
    thresholds: PerClass
    """(C,) on the scaled probs; NaN for a label that lacked positives or negatives."""
    notes: dict[str, list[str]]
    """What is to be noted about a label's threshold or scaling."""


@dataclass(frozen=True, eq=False, kw_only=True)
class ThresholdedCalls:
    """What fitted thresholds make of N images that they were not fitted on."""

    source: str
    """Where the thresholds come from, in words."""
    method: str
    calibration: str
    probs: NDArray[np.float64]
    """(N, C) scaled."""
    is_called: NDArray[np.bool_]
    """(N, C) whether the prob reaches the threshold."""
    targets: NDArray[np.int8]
    """(N, C) as the labels have them, but unknown where there is no threshold to call by."""
    thresholds: PerClass
    """(C,) for use on other images."""
    notes: dict[str, list[str]]


def check_calibration(calibration: str) -> None:
    """Raise InputError unless `calibration` is one of CALIBRATIONS."""
    if calibration not in CALIBRATIONS:
        raise InputError(
            f"no calibration is called {calibration!r}.{did_you_mean(calibration, CALIBRATIONS)} "
            f"Use one of: {', '.join(CALIBRATIONS)}."
        )


def fit_to_predictions(
    labelled: LabelledPredictions, *, method: str, calibration: str
) -> FittedThresholds:
    """Thresholds fitted on all of the images, with notes on labels they can't be trusted for.

    A label whose probs rank the wrong way round, or that lacks positives or negatives, keeps its
    probs unscaled.
    """
    check_method(method)
    scaling, notes = _fit_scaling(labelled, calibration)
    scaled = apply_scaling(scaling, labelled.probs) if calibration != "none" else labelled.probs
    thresholds = fit_by_method(labelled.targets, scaled, method)
    for column, label in enumerate(labelled.vocabulary):
        if np.isnan(thresholds[column]):
            notes.setdefault(label, []).append(
                "no threshold: it lacks positives or negatives to fit one on"
            )
    if method == "f1":
        _note_instability(labelled, scaled, notes)
    return FittedThresholds(
        vocabulary=labelled.vocabulary,
        method=method,
        calibration=calibration,
        scaling=scaling,
        thresholds=thresholds,
        notes=notes,
    )


def crossfit_calls(
    labelled: LabelledPredictions, *, method: str, calibration: str
) -> ThresholdedCalls:
    """Calls at thresholds that no patient helped to fit for itself, of halves of the patients.

    The thresholds that are reported for use elsewhere are fitted on all of the images.
    """
    whole = fit_to_predictions(labelled, method=method, calibration=calibration)
    in_first = assign_halves(labelled.targets, labelled.patient_ids)
    probs = np.empty_like(labelled.probs)
    limits = np.empty_like(labelled.probs)
    for fitted in (in_first, ~in_first):
        half = labelled.select(fitted)
        scaling, _ = _fit_scaling(half, calibration)
        scaled = apply_scaling(scaling, labelled.probs) if calibration != "none" else labelled.probs
        probs[~fitted] = scaled[~fitted]
        limits[~fitted] = fit_by_method(half.targets, scaled[fitted], method)
    return ThresholdedCalls(
        source="cross-fitted between halves of the patients",
        method=method,
        calibration=calibration,
        probs=probs,
        is_called=probs >= limits,
        targets=np.where(np.isnan(limits), np.int8(UNKNOWN), labelled.targets),
        thresholds=whole.thresholds,
        notes=whole.notes,
    )


def apply_thresholds(
    fitted: FittedThresholds, labelled: LabelledPredictions, *, source: str
) -> ThresholdedCalls:
    """The calls at thresholds that were fitted elsewhere; labels are matched by name.

    Raises InputError when one of the labels has no thresholds there.
    """
    absent = [name for name in labelled.vocabulary if name not in fitted.vocabulary]
    if absent:
        raise InputError(
            f"the thresholds ({source}) lack {', '.join(absent)}. Fit them on the same labels."
        )
    columns = [fitted.vocabulary.index(name) for name in labelled.vocabulary]
    scaling = LogitScaling(
        slope=fitted.scaling.slope[columns], intercept=fitted.scaling.intercept[columns]
    )
    thresholds = fitted.thresholds[columns]
    probs = (
        apply_scaling(scaling, labelled.probs) if fitted.calibration != "none" else labelled.probs
    )
    return ThresholdedCalls(
        source=source,
        method=fitted.method,
        calibration=fitted.calibration,
        probs=probs,
        is_called=probs >= thresholds,
        targets=np.where(np.isnan(thresholds), np.int8(UNKNOWN), labelled.targets),
        thresholds=thresholds,
        notes={name: notes for name, notes in fitted.notes.items() if name in labelled.vocabulary},
    )


def _fit_scaling(
    labelled: LabelledPredictions, calibration: str
) -> tuple[LogitScaling, dict[str, list[str]]]:
    num_classes = len(labelled.vocabulary)
    keep = LogitScaling(slope=np.ones(num_classes), intercept=np.zeros(num_classes))
    if calibration == "none":
        return keep, {}
    check_calibration(calibration)
    fit = fit_platt if calibration == "platt" else fit_temperature
    fitted = fit(labelled.targets, labelled.probs)
    # A slope of 0 or less would turn the ranking round: that is a fault to see, not to mend.
    is_sound = fitted.slope > 0
    notes = {
        label: [
            "not calibrated: it lacks positives or negatives, or its probs do not vary"
            if np.isnan(fitted.slope[column])
            else "not calibrated: its probs rank the wrong way round"
        ]
        for column, label in enumerate(labelled.vocabulary)
        if not is_sound[column]
    }
    scaling = LogitScaling(
        slope=np.where(is_sound, fitted.slope, 1.0),
        intercept=np.where(is_sound, fitted.intercept, 0.0),
    )
    return scaling, notes


def _note_instability(
    labelled: LabelledPredictions, probs: Probs, notes: dict[str, list[str]]
) -> None:
    rng = np.random.default_rng(0)
    stability = judge_f1_thresholds(labelled.targets, probs, labelled.patient_ids, rng=rng)
    flags = (
        (stability.calls_all_positives, "at the lower edge (calls every positive)"),
        (stability.calls_top_score_only, "at the upper edge (calls the top positive only)"),
        (stability.is_unstable, "unstable"),
    )
    for column, label in enumerate(labelled.vocabulary):
        faults = [text for is_set, text in flags if is_set[column]]
        if faults:
            low, high = stability.low[column], stability.high[column]
            notes.setdefault(label, []).append(
                f"threshold {', '.join(faults)}: refitted on other patients {low:.3f} to {high:.3f}"
            )
