"""A run's own calibration and thresholds: fitted to its validation part, once, at its end."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from xlite.run_folder.thresholds_file import (
    RUN_CALIBRATION,
    RUN_METHOD,
    FittedOn,
    write_run_thresholds,
)
from xlite.scores.fitted_thresholds import FittedThresholds, fit_scaled_thresholds

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from xlite.run_folder.predictions import Predictions
    from xlite.tables.manifest import Manifest


def write_validation_thresholds(
    run_dir: Path, predictions: Predictions, manifest: Manifest, *, split_sha256: str | None
) -> None:
    """Write calibration and thresholds of what a run says of its validation part: the folder alone
    can then say what its probs call.
    """
    fitted, seen = fit_run_thresholds(
        predictions.as_written(), manifest.labels, manifest.patient_ids, split_sha256=split_sha256
    )
    write_run_thresholds(run_dir, fitted, seen)


def fit_run_thresholds(
    predictions: Predictions,
    targets: NDArray[np.int8],
    patient_ids: NDArray[Any],
    *,
    split_sha256: str | None,
) -> tuple[FittedThresholds, FittedOn]:
    """Calibration and thresholds of C labels, and the N images of validation that they have seen.

    predictions: as they are in the run's file, so that whoever fits to that finds the same.
    targets: (N, C) 1, 0 or -1, in their order. patient_ids: (N,).
    """
    fitted = fit_scaled_thresholds(
        targets,
        predictions.probs,
        patient_ids,
        predictions.vocabulary,
        method=RUN_METHOD,
        calibration=RUN_CALIBRATION,
    )
    seen = FittedOn.of(
        "the validation part",
        predictions.image_ids,
        patient_ids,
        split_sha256=split_sha256,
    )
    return fitted, seen
