"""Calls on out-of-fold predictions, at thresholds that each fold takes from its validation part.

N images, C labels.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from xlite.judging.fold_runs import FOLD
from xlite.judging.thresholding import (
    ThresholdedCalls,
    apply_thresholds,
    fit_to_predictions,
)

if TYPE_CHECKING:
    from xlite.judging.labelled_predictions import LabelledPredictions

_SOURCE = "of each fold, fitted on its validation part"


def call_by_fold(
    labelled: LabelledPredictions,
    val: Mapping[str, LabelledPredictions],
    *,
    method: str,
    calibration: str,
) -> ThresholdedCalls:
    """The calls on pooled predictions, of each fold by what its own run says of validation.

    Models of different folds need not agree on a scale, so that thresholds of one would be wrong
    for another. val: by the number of the fold. The thresholds that are reported for use elsewhere
    are fitted on all of the images.
    """
    whole = fit_to_predictions(labelled, method=method, calibration=calibration)
    probs, targets = np.empty_like(labelled.probs), np.empty_like(labelled.targets)
    is_called = np.zeros(labelled.probs.shape, dtype=np.bool_)
    for fold, of_fold in val.items():
        rows = np.flatnonzero(labelled.columns[FOLD] == fold)
        fitted = fit_to_predictions(of_fold, method=method, calibration=calibration)
        calls = apply_thresholds(fitted, labelled.select(rows), source=_SOURCE)
        probs[rows], is_called[rows], targets[rows] = calls.probs, calls.is_called, calls.targets
    return ThresholdedCalls(
        source=_SOURCE,
        method=method,
        calibration=calibration,
        probs=probs,
        is_called=is_called,
        targets=targets,
        thresholds=whole.thresholds,
        notes=whole.notes,
    )
