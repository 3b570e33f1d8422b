"""`xlite tables merge`: label tables of several data sets as one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from xlite import console
from xlite.cli import options

if TYPE_CHECKING:
    from xlite.results.merge import MergedTables

_EPILOG = (
    "Example: xlite tables merge SETS.toml --out merged.csv\n\n"
    "Example: xlite tables merge SETS.toml --out merged.csv --overwrite"
)

Sets = Annotated[
    Path,
    typer.Argument(
        metavar="SETS.toml",
        help="A table for each data set: source, labels, and what of dataset, map, images and the "
        "options of columns it needs.",
        show_default=False,
    ),
]
Out = Annotated[Path, typer.Option("--out", metavar="CSV", help="The table to write.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace the file --out.")]


def register(app: typer.Typer) -> None:
    """Add the command to the group."""
    app.command("merge", epilog=_EPILOG)(merge)


def merge(sets: Sets, out: Out, overwrite: Overwrite = False, json: options.Json = False) -> None:
    """Merge the label tables of several data sets for training on all of them.

    A label that a source never annotated is unknown in its images, not absent. The source is a
    column, which --stratify, --hold-out and --by take; images and patients carry its name in
    front, so that none of two sources is the same.
    """
    from xlite.workflows.merge_tables import merge_tables

    made = merge_tables(sets, out=out, overwrite=overwrite)
    if json:
        console.result_json(made.to_json())
        return
    _print_merged(made)


def _print_merged(made: MergedTables) -> None:
    console.table(
        f"{made.images:,} images of {made.patients:,} patients; present / absent of each label",
        ["", *made.sources],
        [
            ["images", *(f"{source.images:,}" for source in made.sources.values())],
            ["patients", *(f"{source.patients:,}" for source in made.sources.values())],
            *(
                [
                    label,
                    *(
                        _describe(source.labels[label].present, source.labels[label].absent)
                        for source in made.sources.values()
                    ),
                ]
                for label in made.labels
            ),
        ],
    )
    for label, name in made.in_one_source.items():
        console.warn(
            f"{label} is annotated by {name} alone: what tells its images from the others' may be "
            "learned for the label."
        )
    console.say(f"written: {made.path}")


def _describe(present: int, absent: int) -> str:
    return f"{present:,} / {absent:,}" if present or absent else "unknown"
