"""`xlite tables read`: what is understood of a data set's tables."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from xlite import console
from xlite.cli import options
from xlite.cli.column_options import ColumnOptions
from xlite.cli.expansion import expand_groups
from xlite.errors import InputError

if TYPE_CHECKING:
    from xlite.results.table_reading import LabelCounts, TableReading

_EPILOG = (
    "Example: xlite tables read --dataset chexpert CheXpert-v1.0-small\n\n"
    "Example: xlite tables read --dataset vindr-cxr annotations --fold-rows any --json\n\n"
    "Example: xlite tables read --dataset mimic mimic-cxr-jpg --out mimic.csv"
)

Files = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="FILES", help="A table, several of one data set, or the folder that holds them."
    ),
]
Out = Annotated[
    Path | None,
    typer.Option("--out", metavar="CSV", help="A plain table to write: an image a row."),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace the file --out.")]


def register(app: typer.Typer) -> None:
    """Add the command to the group."""
    app.command("read", epilog=_EPILOG)(expand_groups(read))


def read(
    columns: ColumnOptions,
    files: Files = None,
    out: Out = None,
    overwrite: Overwrite = False,
    json: options.Json = False,
) -> None:
    """Say what is understood of a data set's tables: labels, patients, views, what is left out.

    Each data set is read as its declaration says (docs/datasets.md), by --dataset or by a header
    that is unmistakable. The word `read` may be left out. With --out the images become a plain
    table with their labels as decided, 1, 0 and -1 for unknown.
    """
    from xlite.workflows.read_tables import read_tables

    if not files:
        raise InputError("no table is named. Pass a file, or a folder with a data set's files.")
    reading = read_tables(
        files, table_format=columns.to_table_format(), out=out, overwrite=overwrite
    )
    if json:
        console.result_json(reading.to_json())
    else:
        _print_reading(reading)


def _print_reading(reading: TableReading) -> None:
    whose = "patients not named" if reading.patients is None else f"{reading.patients:,} patients"
    has_readers = reading.fold_rows is not None
    has_boxes = reading.boxes is not None
    columns = ["label", "present", "absent", "uncertain", "blank"]
    columns += ["by any", "by all", "kappa"] if has_readers else []
    columns += ["boxes"] if has_boxes else []
    title = f"{reading.dataset}: {reading.images:,} images, {whose}"
    if not reading.labels:
        console.result_text(f"{title}, no labels")
    else:
        console.table(
            title,
            columns,
            [
                [label, *_describe(counts, has_readers=has_readers, has_boxes=has_boxes)]
                for label, counts in reading.labels.items()
            ],
        )
    for what, counted in (
        ("views", reading.views),
        ("sexes", reading.sexes),
        ("official parts", reading.parts),
        ("rows left out", reading.rows_left_out),
    ):
        if counted:
            named = (f"{name or 'unknown'} {count:,}" for name, count in counted.items())
            console.result_text(f"{what}: {', '.join(named)}")
    for assumed in reading.assumes:
        console.result_text(f"assumed: {assumed}")
    if any(counts.blank for counts in reading.labels.values()):
        console.result_text(f"a blank is {reading.blank}")
    if reading.path is not None:
        console.say(f"written: {reading.path}")


def _describe(counts: LabelCounts, *, has_readers: bool, has_boxes: bool) -> list[str]:
    cells = [f"{n:,}" for n in (counts.present, counts.absent, counts.uncertain, counts.blank)]
    if has_readers:
        found = counts.agreement
        cells += (
            ["–"] * 3
            if found is None
            else [
                f"{found.images_of_any:,}",
                f"{found.images_of_all:,}",
                console.decimal(found.kappa),
            ]
        )
    return cells + ([f"{counts.boxes or 0:,}"] if has_boxes else [])
