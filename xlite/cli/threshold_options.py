"""How probs become calls: the options, and the calls they lead to."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from xlite.errors import InputError
from xlite.ownership import require_replaceable_file

if TYPE_CHECKING:
    from xlite.cli.judged_predictions import JudgedPredictions
    from xlite.judging.labelled_predictions import LabelledPredictions
    from xlite.judging.thresholding import ThresholdedCalls

_THRESHOLDS = "Thresholds and calibration"


@dataclass(frozen=True)
class ThresholdOptions:
    """How probs become calls."""

    thresholds: Annotated[
        Path | None,
        typer.Option(
            "--thresholds",
            metavar="FILE",
            help="Apply what --save-thresholds wrote; refused for images and patients that it has "
            "seen.",
            rich_help_panel=_THRESHOLDS,
        ),
    ] = None
    fit: Annotated[
        str | None,
        typer.Option(
            "--fit",
            metavar="METHOD",
            help="Thresholds: f1 (the default), youden, sensitivity:0.9 or specificity:0.9. "
            "Fitted on the validation part for a run's test part, else cross-fitted.",
            rich_help_panel=_THRESHOLDS,
        ),
    ] = None
    calibrate: Annotated[
        str | None,
        typer.Option(
            "--calibrate",
            metavar="METHOD",
            help="Scale probs before: platt, temperature or none (the default). Fitted like the "
            "thresholds.",
            rich_help_panel=_THRESHOLDS,
        ),
    ] = None
    save_thresholds: Annotated[
        Path | None,
        typer.Option(
            "--save-thresholds",
            metavar="FILE",
            help="Write what is fitted on all of these images, for use on others.",
            rich_help_panel=_THRESHOLDS,
        ),
    ] = None

    other_patients: Annotated[
        bool,
        typer.Option(
            "--other-patients",
            help="With --thresholds: patients of the same ids are other people, of another source.",
            rich_help_panel=_THRESHOLDS,
        ),
    ] = False

    def check(self, *, is_test: bool) -> None:
        """Raise InputError for options that exclude each other, or names that are unknown."""
        from xlite.judging.thresholding import check_calibration
        from xlite.scores.threshold_methods import check_method

        if self.thresholds and (self.fit or self.calibrate or self.save_thresholds):
            raise InputError(
                "--thresholds takes all from its file; --fit, --calibrate and --save-thresholds "
                "make a new one. Pass one or the other."
            )
        if self.other_patients and not self.thresholds:
            raise InputError("--other-patients says something of --thresholds. Pass both, or none.")
        if self.save_thresholds and is_test:
            raise InputError(
                "thresholds are not fitted on the test part: they would spend it. Pass "
                "--save-thresholds with --part val."
            )
        check_method(self.method)
        check_calibration(self.calibration)
        if self.save_thresholds:
            require_replaceable_file(
                self.save_thresholds,
                is_ours=lambda head: b'"fitted_on"' in head,
                option="--save-thresholds",
                overwrite=None,
            )

    def describe(self) -> dict[str, str | None]:
        """What decides the calls, as plain values: a file of thresholds by its SHA-256."""
        from xlite.files import sha256_of_file

        file = self.thresholds
        return {
            "fit": self.method,
            "calibrate": self.calibration,
            "thresholds": sha256_of_file(file) if file is not None and file.is_file() else None,
        }

    @property
    def method(self) -> str:
        """How thresholds are fitted."""
        return self.fit or "f1"

    @property
    def calibration(self) -> str:
        """How probs are scaled."""
        return self.calibrate or "none"


def call_judged(
    judged: "JudgedPredictions",
    deciding: ThresholdOptions,
    *,
    val: "LabelledPredictions | None" = None,
) -> "ThresholdedCalls":
    """The calls on the judged images, at thresholds that none of them helped to fit.

    val: what a run's test part takes its thresholds from; None reads what the run has said of its
    validation part.
    """
    from xlite.judging.labelled_predictions import read_run_predictions
    from xlite.judging.thresholding import (
        apply_thresholds,
        crossfit_calls,
        fit_thresholds,
    )
    from xlite.judging.thresholds_file import read_thresholds, require_unseen

    if deciding.thresholds is not None:
        fitted, fitted_on = read_thresholds(deciding.thresholds)
        require_unseen(
            fitted_on,
            judged.cases,
            split_sha256=judged.split_sha256,
            are_patients_others=deciding.other_patients,
        )
        source = f"from {deciding.thresholds}, fitted on {fitted_on.name}"
        return apply_thresholds(fitted, judged.cases, source=source)
    if judged.part == "test" and judged.run_dir is not None and judged.split is not None:
        if val is None:
            val = read_run_predictions(judged.run_dir, "val", judged.split)
        fitted = fit_thresholds(val, method=deciding.method, calibration=deciding.calibration)
        return apply_thresholds(fitted, judged.cases, source="fitted on the validation part")
    return crossfit_calls(judged.cases, method=deciding.method, calibration=deciding.calibration)
