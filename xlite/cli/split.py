"""`xlite split`: make a split by patient, or audit anyone's."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from xlite import console, places
from xlite.cli import options
from xlite.cli.column_options import ColumnOptions
from xlite.cli.expansion import expand_groups
from xlite.cli.split_tables import print_audit, print_parts
from xlite.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xlite.tables.label_table import TableFormat

_EPILOG = (
    "Example: xlite split --labels Data_Entry_2017.csv --out data/splits\n\n"
    "Example: xlite split --audit train.csv val.csv test.csv"
)


Files = Annotated[list[Path] | None, typer.Argument(help="With --audit: the files of the parts.")]
Audit = Annotated[
    bool, typer.Option("--audit", help="Judge the given files instead of making a split.")
]
Out = Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder to write.")]
Ratios = Annotated[str, typer.Option(help="Shares of images for training, validation and test.")]
TrainValList = Annotated[
    Path | None, typer.Option(metavar="TXT", help="NIH's official train_val_list.txt.")
]
TestList = Annotated[Path | None, typer.Option(metavar="TXT", help="NIH's official test_list.txt.")]
Subset = Annotated[
    float | None, typer.Option(help="Keep this fraction of training, by whole patients.")
]
Overwrite = Annotated[
    bool,
    typer.Option(
        "--overwrite", help="Replace another split, or other files of these names, in the folder."
    ),
]


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command("split", rich_help_panel="Data", epilog=_EPILOG)(expand_groups(split))


def split(
    columns: ColumnOptions,
    files: Files = None,
    audit: Audit = False,
    labels: options.Labels = None,
    out: Out = places.SPLIT_DIR,
    ratios: Ratios = "70/15/15",
    train_val_list: TrainValList = None,
    test_list: TestList = None,
    subset: Subset = None,
    seed: options.Seed = 42,
    overwrite: Overwrite = False,
    json: options.Json = False,
) -> None:
    """Split a label table by patient, stratified over all labels, or audit a split.

    Writes train.csv, val.csv and test.csv, in NIH's columns where the labels are NIH's and else
    with one column a label, and split.json with the seed, the counts, the largest deviation of a
    label's prevalence and the SHA-256 of each file.
    """
    from xlite.splitting.split import split_by_patient

    table_format = columns.to_table_format()
    if audit:
        _audit(files or [], table_format, as_json=json)
        return
    if files:
        raise InputError(f"unexpected {files[0]}. Pass --audit to judge files of a split.")
    made = split_by_patient(
        places.find_label_table(labels),
        out=out,
        ratios=ratios,
        train_val_list=train_val_list,
        test_list=test_list,
        subset=subset,
        seed=seed,
        table_format=table_format,
        overwrite=overwrite,
    )
    if json:
        console.result_json(made.to_json())
        return
    num_images = sum(len(rows) for rows in made.rows.values())
    print_parts(made.parts, title=f"Split of {num_images:,} images, seed {seed}")
    console.say(
        f"patients on two sides: {made.patient_overlap}; largest deviation of a label's "
        f"prevalence: {made.max_deviation_pp:.3f} percentage points\nwritten: {out}"
    )


def _audit(files: Sequence[Path], table_format: TableFormat, *, as_json: bool) -> None:
    from xlite.splitting.audit import audit_split
    from xlite.splitting.leakage import require_no_leakage

    if len(files) < 2:
        raise InputError("--audit needs the files of at least two parts.")
    audit = audit_split(files, table_format=table_format)
    if as_json:
        console.result_json(audit.to_json())
    else:
        print_audit(audit)
    require_no_leakage(audit)
