"""Thresholds: how probs become calls, fitted on one set of images and applied to another.

Thresholds are never judged on the images that they were fitted on: without images to spare they
are cross-fitted between two halves of the patients, and those in a file (`thresholds_file` of the
run folder) keep what they have seen.
N images, C labels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from xlite.errors import InputError
from xlite.judging.labelled_predictions import LabelledPredictions
from xlite.labels import UNKNOWN
from xlite.scores.calibration import apply_scaling
from xlite.scores.fitted_thresholds import FittedThresholds, fit_scaled_thresholds, fit_scaling
from xlite.scores.ranking import PerClass
from xlite.scores.threshold_methods import fit_by_method
from xlite.scores.thresholded import assign_halves

if TYPE_CHECKING:
    from numpy.typing import NDArray


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


def fit_to_predictions(
    labelled: LabelledPredictions, *, method: str, calibration: str
) -> FittedThresholds:
    """Thresholds fitted on all of the images, with notes on labels they can't be trusted for."""
    return fit_scaled_thresholds(
        labelled.targets,
        labelled.probs,
        labelled.patient_ids,
        labelled.vocabulary,
        method=method,
        calibration=calibration,
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
        scaling, _ = fit_scaling(half.targets, half.probs, half.vocabulary, calibration)
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
    own = fitted.select(labelled.vocabulary)
    probs = own.scale(labelled.probs)
    return ThresholdedCalls(
        source=source,
        method=own.method,
        calibration=own.calibration,
        probs=probs,
        is_called=own.call(probs),
        targets=np.where(np.isnan(own.thresholds), np.int8(UNKNOWN), labelled.targets),
        thresholds=own.thresholds,
        notes=own.notes,
    )
