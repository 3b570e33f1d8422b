"""How the probs of an evaluation are to become calls, and the calls that follow."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from xlite import console
from xlite.errors import InputError
from xlite.files import sha256_of_file
from xlite.judging.fold_thresholds import call_by_fold
from xlite.judging.judged_predictions import JudgedPredictions
from xlite.judging.labelled_predictions import LabelledPredictions
from xlite.judging.thresholding import (
    ThresholdedCalls,
    apply_thresholds,
    crossfit_calls,
    fit_to_predictions,
)
from xlite.judging.unseen_images import require_unseen
from xlite.ownership import require_replaceable_file
from xlite.run_folder.thresholds_file import FittedOn, read_thresholds, write_thresholds
from xlite.scores.fitted_thresholds import check_calibration
from xlite.scores.threshold_methods import check_method


@dataclass(frozen=True)
class ThresholdChoice:
    """Thresholds of a file, or how they are fitted."""

    file: Path | None = None
    fit: str | None = None
    calibrate: str | None = None
    save_to: Path | None = None
    """Where thresholds that are fitted on all of the judged images are written, for others."""
    other_patients: bool = False
    """Whether patients of the same ids as in the file are other people."""

    @property
    def method(self) -> str:
        """How thresholds are fitted."""
        return self.fit or "f1"

    @property
    def calibration(self) -> str:
        """How probs are scaled."""
        return self.calibrate or "none"

    @property
    def file_sha256(self) -> str | None:
        """The SHA-256 of the file of thresholds."""
        return sha256_of_file(self.file) if self.file is not None and self.file.is_file() else None

    def check(self, *, on_other_site: bool = False) -> None:
        """Raise InputError for choices that exclude each other, or names that are unknown.

        on_other_site: a run is judged on films that are in no part of its split.
        """
        if self.file and (self.fit or self.calibrate or self.save_to):
            raise InputError(
                "--thresholds takes all from its file; --fit, --calibrate and --save-thresholds "
                "make a new one. Pass one or the other."
            )
        if self.other_patients and not self.file and not on_other_site:
            raise InputError(
                "--other-patients says something of --thresholds, or of another site's --labels "
                "and --images. Pass one of them, too."
            )
        if on_other_site and (self.file or self.save_to):
            raise InputError(
                "another site is judged at thresholds of the run's validation part alone, which "
                "--fit and --calibrate say how to make. Leave --thresholds and --save-thresholds "
                "out."
            )
        check_method(str(self.method))
        check_calibration(str(self.calibration))
        if self.save_to:
            require_replaceable_file(
                self.save_to,
                is_ours=lambda head: b'"fitted_on"' in head,
                option="--save-thresholds",
                overwrite=None,
            )

    def require_fitting(self, judged: JudgedPredictions) -> None:
        """Raise InputError where the choice can't be followed for these predictions."""
        if self.save_to and judged.is_test:
            raise InputError(
                "thresholds are not fitted on the test part: they would spend it. Pass "
                "--save-thresholds with --part val."
            )
        if (self.save_to or self.file) and not judged.names_images:
            raise InputError(
                "a file of thresholds keeps the names of the images that it has seen, and arrays "
                "have none. Pass tables that name their images."
            )

    def call(
        self, judged: JudgedPredictions, *, val: LabelledPredictions | None = None
    ) -> ThresholdedCalls:
        """The calls on the judged images, at thresholds that none of them helped to fit.

        val: what a run's test part takes its thresholds from; None reads what the run has said of
        its validation part. Without one they are cross-fitted, as anyone's are.
        """
        labelled = judged.labelled
        if self.file is not None:
            fitted, fitted_on = read_thresholds(self.file)
            require_unseen(
                fitted_on,
                labelled,
                split_sha256=judged.split_sha256,
                are_patients_others=self.other_patients,
            )
            source = f"from {self.file}, fitted on {fitted_on.name}"
            return apply_thresholds(fitted, labelled, source=source)
        if judged.takes_thresholds_of_validation:
            if val is None:
                val = judged.read_validation()
            fitted = fit_to_predictions(val, method=self.method, calibration=self.calibration)
            return apply_thresholds(fitted, labelled, source="fitted on the validation part")
        if judged.val_of_folds:
            return call_by_fold(
                labelled, judged.val_of_folds, method=self.method, calibration=self.calibration
            )
        return crossfit_calls(labelled, method=self.method, calibration=self.calibration)

    def save(self, judged: JudgedPredictions) -> None:
        """Write what is fitted on all of the judged images, where that was asked for."""
        if self.save_to is None:
            return
        labelled = judged.labelled
        fitted = fit_to_predictions(labelled, method=self.method, calibration=self.calibration)
        fitted_on = FittedOn.of(
            labelled.name,
            labelled.image_ids,
            labelled.patient_ids,
            split_sha256=judged.split_sha256,
        )
        write_thresholds(self.save_to, fitted, fitted_on)
        console.say(f"thresholds fitted on all {len(labelled)} images: {self.save_to}")
