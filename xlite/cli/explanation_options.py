"""What is known of the films that are explained, and where calls come from."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from xlite.cli import options


@dataclass(frozen=True)
class ExplainedOptions:
    """What is known of the films, and where calls come from."""

    labels: Annotated[
        Path | None,
        typer.Option(
            "--labels",
            metavar="CSV",
            help="Label table: whose films they are, and what was missed or a false alarm.",
            rich_help_panel=options.DATA,
        ),
    ] = None
    boxes: Annotated[
        Path | None,
        typer.Option(
            "--boxes",
            metavar="CSV",
            help="Boxes of findings: NIH's list, VinDr's or RSNA's, or image_id, label, x, y, "
            "width, height, in pixels of the films.",
            rich_help_panel=options.DATA,
        ),
    ] = None
    method: Annotated[
        str,
        typer.Option(
            "--method", help="gradcam, hirescam, layercam, or head: maps of a csra or query head."
        ),
    ] = "gradcam"
    only: Annotated[
        str | None,
        typer.Option("--only", metavar="LABEL,…", help="Labels to draw maps of. Default: all."),
    ] = None
    thresholds: Annotated[
        Path | None,
        typer.Option(
            "--thresholds", metavar="FILE", help="Call by these instead of the run's own."
        ),
    ] = None
    split: Annotated[
        Path | None,
        typer.Option(
            "--split",
            metavar="DIR",
            help="Where the run's split lies now, to fit thresholds and to count films that it has "
            "seen.",
            rich_help_panel=options.DATA,
        ),
    ] = None
    cache: Annotated[
        Path | None,
        typer.Option(
            "--cache",
            metavar="DIR",
            help="The CLAHE cache of a run of version 0.1, which does not say how films were made.",
            rich_help_panel=options.DATA,
        ),
    ] = None
