"""The options that say how probs become calls."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

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
            help="With --thresholds, or another site's --labels: patients of the same ids are "
            "other people.",
            rich_help_panel=_THRESHOLDS,
        ),
    ] = False
