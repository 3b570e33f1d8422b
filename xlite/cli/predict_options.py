"""The options of `xlite predict`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from xlite.cli import options

Images = Annotated[
    list[Path] | None,
    typer.Option(
        "--images",
        metavar="DIR|FILES",
        help="The films: a folder (at any depth) or files, PNG, JPEG or DICOM; with --labels the "
        "folder that holds those of the table.",
        rich_help_panel=options.DATA,
    ),
]
Labels = Annotated[
    Path | None,
    typer.Option(
        "--labels",
        metavar="CSV",
        help="Predict the films of this label table, in its order.",
        rich_help_panel=options.DATA,
    ),
]
Cache = Annotated[
    Path | None,
    typer.Option(
        "--cache",
        metavar="DIR",
        help="Take the films from a CLAHE cache instead of --images; beside --images the cache "
        "that a run of version 0.1 was trained on.",
        rich_help_panel=options.DATA,
    ),
]


@dataclass(frozen=True)
class AnswerOptions:
    """Where predictions go, and what follows from them."""

    out: Annotated[
        Path,
        typer.Option(
            "--out",
            metavar="CSV",
            help="Table of probs to write; calls go to NAME_calls.csv, what it came to to "
            "NAME.json, beside it.",
        ),
    ] = Path("predictions.csv")
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace other predictions in --out.")
    ] = False
    thresholds: Annotated[
        Path | None,
        typer.Option(
            "--thresholds",
            metavar="FILE",
            help="Calibrate and call by this file of `xlite evaluate --save-thresholds`. Default: "
            "what the run fitted on its validation part.",
        ),
    ] = None
    split: Annotated[
        Path | None,
        typer.Option(
            "--split",
            metavar="DIR",
            help="The split of runs that keep no thresholds, or of the mean of several: they are "
            "fitted on its validation part. Default: where it lay in training.",
            rich_help_panel=options.DATA,
        ),
    ] = None
    false_alarms: Annotated[
        float,
        typer.Option(
            "--false-alarms",
            help="The share of ordinary films that may be marked as unlike those of training.",
        ),
    ] = 0.05
    skip_missing: Annotated[
        bool, typer.Option("--skip-missing", help="Go on without films that are not there.")
    ] = False
    allow_failed: Annotated[
        bool, typer.Option("--allow-failed", help="Exit 0 although films could not be read.")
    ] = False
