"""Whose tables they are, and how what they say is read."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from xlite.cli.expansion import RARE

COLUMNS = "Columns of the label table (NIH's tables need none)"
"""The panel of the help."""

_option = partial(typer.Option, rich_help_panel=COLUMNS)


@dataclass(frozen=True)
class SourceOptions:
    """Whose tables they are, and how what they say is read."""

    dataset: Annotated[
        str | None,
        _option(
            metavar="NAME",
            help="Whose tables they are, which says what all columns hold: nih, chexpert, … "
            "(docs/datasets.md), or csv. Default: by the header where it is unmistakable.",
        ),
        RARE,
    ] = None
    blank: Annotated[
        str | None,
        _option(
            help="What an empty cell of a label means, unknown or absent. Default: as the data "
            "set has it."
        ),
        RARE,
    ] = None
    fold_rows: Annotated[
        str | None,
        _option(
            help="Of readers of one image, who have to name a label: majority, any or all. "
            "Default: majority."
        ),
        RARE,
    ] = None
    label_map: Annotated[
        str | None,
        _option(
            "--map",
            metavar="NAME|MAP.toml",
            help="Read the labels as those of another vocabulary: nih-to-chexpert, "
            "padchest-to-torchxrayvision, or a file of yours.",
        ),
        RARE,
    ] = None
    dicom: Annotated[
        Path | None,
        _option(
            metavar="DIR",
            help="The films as DICOM: their headers say patient, study date, view, sex and age "
            "where the table does not.",
        ),
        RARE,
    ] = None
    hash_ids: Annotated[
        Path | None,
        _option(
            metavar="KEYFILE",
            help="Write keyed hashes for patients and studies; a file of 16 bytes or more that "
            "only you can read.",
        ),
        RARE,
    ] = None
