"""The options about what predictions are worth: without the image, and on patients never seen."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from xlite.cli import options

_WORTH = "Shortcuts and memory"


@dataclass(frozen=True)
class FloorOptions:
    """What stands beside the scores."""

    floor: Annotated[
        bool,
        typer.Option(
            help="Give the AUROC of the table's own columns, and what the image adds to them.",
            rich_help_panel=_WORTH,
        ),
    ] = True
    floor_columns: Annotated[
        str | None,
        typer.Option(
            "--floor-columns",
            metavar="COLUMN,…",
            help="Columns of the floor: age, sex, view, visit, site, scanner, width, height, or "
            "any of --labels. Default: those of the eight that the table has.",
            rich_help_panel=_WORTH,
        ),
    ] = None
    train: Annotated[
        list[Path] | None,
        typer.Option(
            "--train",
            metavar="CSV",
            help="With --predictions: the label table that the model was trained on. Scores come "
            "apart for its patients and for others; the floor is fitted on its other patients.",
            rich_help_panel=_WORTH,
        ),
    ] = None
    reference: Annotated[
        Path | None,
        typer.Option(
            "--reference",
            metavar="CSV",
            help="With --train: predictions for the same images of a model that has seen none of "
            "these patients; what memory gives is the difference of both models' differences.",
            rich_help_panel=_WORTH,
        ),
    ] = None
    probe_borders: Annotated[
        bool,
        typer.Option(
            "--probe-borders",
            help="Look for marks on the films' borders and corners that go with a label.",
            rich_help_panel=_WORTH,
        ),
    ] = False
    images: Annotated[
        Path | None,
        typer.Option(
            "--images",
            metavar="DIR",
            help="Another site's films, which RUN is judged on with that site's --labels. With "
            "--probe-borders: the films to probe, else the pixels of --cache.",
            rich_help_panel=options.DATA,
        ),
    ] = None
