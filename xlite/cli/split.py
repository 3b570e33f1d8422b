"""`xlite split`: make a split by patient, or audit anyone's."""

from __future__ import annotations

from typing import Any

import typer

from xlite import places
from xlite.cli import options
from xlite.cli.column_options import ColumnOptions
from xlite.cli.expansion import expand_groups
from xlite.cli.part_options import PartOptions
from xlite.cli.policy_options import RowOptions
from xlite.cli.split_audit import adopt_files, audit_files
from xlite.cli.split_options import (
    Audit,
    AuditedImages,
    AuditedPredictions,
    Files,
    Out,
    Overwrite,
    Reference,
)
from xlite.cli.split_tables import print_folds, print_split
from xlite.errors import InputError

_EPILOG = (
    "Example: xlite split --labels Data_Entry_2017.csv --out data/splits\n\n"
    "Example: xlite split --labels Data_Entry_2017.csv --folds 5 --repeats 2 --out data/folds\n\n"
    "Example: xlite split --labels Data_Entry_2017.csv --hold-out view=AP --out data/held_out\n\n"
    "Example: xlite split my_train.csv my_val.csv my_test.csv --out data/splits\n\n"
    "Example: xlite split --audit train.csv val.csv test.csv --images data/raw\n\n"
    "Example: xlite split --audit train.csv val.csv --predictions val_predictions.csv"
)


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command("split", rich_help_panel="Data", epilog=_EPILOG)(expand_groups(split))


def split(
    parts: PartOptions,
    rows: RowOptions,
    columns: ColumnOptions,
    files: Files = None,
    audit: Audit = False,
    labels: options.Labels = None,
    out: Out = None,
    seed: options.Seed = 42,
    overwrite: Overwrite = False,
    predictions: AuditedPredictions = None,
    reference: Reference = None,
    images: AuditedImages = None,
    json: options.Json = False,
) -> None:
    """Split a label table by patient, stratified over all labels; take or audit another's split.

    Writes train.csv, val.csv and test.csv, in NIH's columns where the labels are NIH's and else
    with one column a label, and split.json with the seed, the counts, the largest deviation of a
    label's prevalence and the SHA-256 of each file. With --folds a folder of them for each fold,
    and folds.json with the positives of each and their largest distance from a K-th, in patients.
    """
    from xlite.splitting.folds import make_folds
    from xlite.splitting.split import split_by_patient

    table_format = rows.choose_rows(columns.to_table_format())
    if audit:
        audit_files(files or [], table_format, (predictions, reference), images, as_json=json)
        return
    if predictions is not None or reference is not None or images is not None:
        raise InputError(
            "--predictions, --reference and --images go with --audit. Pass the parts' files."
        )
    if files:
        if labels is not None or parts != PartOptions():
            raise InputError(
                f"{files[0]} is taken for a part of a split that there is: leave out --labels and "
                "the options that make parts. Pass --audit to judge files of a split."
            )
        adopt_files(files, table_format, out, overwrite=overwrite, as_json=json)
        return
    shared: dict[str, Any] = {
        "labels": places.find_label_table(labels),
        "seed": seed,
        "table_format": table_format,
        "overwrite": overwrite,
    }
    if parts.folds is None:
        way = parts.for_split()
        way["official"] = parts.official or columns.part_col is not None
        made = split_by_patient(**shared, **way, out=out or places.SPLIT_DIR)
        print_split(made, out or places.SPLIT_DIR, as_json=json)
    else:
        if columns.part_col is not None:
            raise InputError("--split-col says the parts, and --folds makes others. Pass one.")
        folds = make_folds(**shared, **parts.for_folds(), out=out or places.FOLDS_DIR)
        print_folds(folds, out or places.FOLDS_DIR, as_json=json)
