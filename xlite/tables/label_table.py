"""Label tables, read into a manifest.

A source's own tables are recognised, or named by `TableFormat.dataset`, and read as
`xlite.tables.sources` declares; any other CSV needs a `TableFormat` that names its columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pandas as pd

from xlite import console
from xlite.errors import InputError
from xlite.settings import RowSettings
from xlite.tables.chosen_source import choose_source, choose_source_of, read_as_source
from xlite.tables.csv_table import CsvTable, open_csv, show
from xlite.tables.dicom_headers import read_headers
from xlite.tables.encoded_labels import encode_labels
from xlite.tables.hashed_ids import hash_ids
from xlite.tables.manifest import (
    AGE_COL,
    FURTHER_COLS,
    PATIENT_COL,
    SEX_COLS,
    UNKNOWN_COL,
    VIEW_COL,
    Manifest,
)
from xlite.tables.mapped_manifest import map_manifest
from xlite.tables.row_checks import (
    check_image_ids,
    check_patients,
    first_row,
    parse_ages,
    read_part_names,
)
from xlite.tables.rows import choose_rows
from xlite.tables.table_format import NIH_FILE_NAME, TableFormat
from xlite.tables.vocabulary import check_vocabulary
from xlite.tables.written_header import find_written_labels

if TYPE_CHECKING:
    from xlite.tables.sources.source import TableSource


_OPTIONAL = (PATIENT_COL, AGE_COL, *SEX_COLS, VIEW_COL)


def read_manifest(
    files: Path | Sequence[Path],
    *,
    table_format: TableFormat | None = None,
    vocabulary: Sequence[str] | None = None,
    is_guarded: bool = False,
    remedy: str | None = None,
    needs_labels: bool = True,
) -> Manifest:
    """The manifest in a label table (CSV, or CSV compressed with gzip), or in several of a source.

    vocabulary: the labels that a label text may hold, instead of the format's. is_guarded: the
    file is one that `write_manifest` wrote, with apostrophes before what a spreadsheet would run.
    remedy: what to do when a column is missing; None names the options that say which it is.
    needs_labels: whether images of which nothing is said, as a folder of films, are refused.

    Raises InputError, naming row and value, for a file that is no such table, for labels that
    can't be told apart, and where two spellings may be of one patient or of one image.
    """
    layout = table_format or TableFormat()
    path, *others = [files] if isinstance(files, Path) else files
    if others:
        source, given = choose_source_of([path, *others], layout)
        return keep_rows(_read_source(source, given, layout), layout, path)
    named = None if is_guarded else choose_source(layout)
    if named is not None:
        if named.labels is None and needs_labels:
            refuse_unlabelled(path)
        return keep_rows(_read_source(named, [path], layout), layout, path)
    table = open_csv(path, what="label table", remedy=remedy or "Name a CSV file.")
    return take_manifest(
        table,
        layout,
        vocabulary=vocabulary,
        is_guarded=is_guarded,
        remedy=remedy,
    )


def refuse_unlabelled(path: Path) -> NoReturn:
    """Raise InputError for images of which no table says what is on them."""
    raise InputError(
        f"{path}: nothing says what is on these films, so that there are no labels to work with. "
        "They can be cached (xlite cache-clahe), looked at (xlite tables read) and predicted "
        "(xlite predict). Else pass a table of labels as --labels, and the films' folder as "
        "--dicom."
    )


def take_manifest(
    table: CsvTable,
    layout: TableFormat,
    *,
    vocabulary: Sequence[str] | None = None,
    is_guarded: bool = False,
    remedy: str | None = None,
) -> Manifest:
    """The manifest in a CSV that was opened; the arguments are those of `read_manifest`."""
    manifest = _take_all_rows(table, layout, vocabulary, remedy, is_guarded=is_guarded)
    return keep_rows(manifest, layout, table.path)


def keep_rows(manifest: Manifest, layout: TableFormat, path: Path) -> Manifest:
    """The images that the format asks for, their ids hashed where it says so."""
    rows = layout.rows
    if rows != RowSettings():
        manifest = manifest.select(choose_rows(manifest, rows, what=str(path)))
    # Last, since rows may be chosen by study date.
    return hash_ids(manifest, layout.hash_ids)


def _take_all_rows(
    table: CsvTable,
    layout: TableFormat,
    vocabulary: Sequence[str] | None,
    remedy: str | None,
    *,
    is_guarded: bool,
) -> Manifest:
    if not is_guarded:
        source = choose_source(layout, table)
        if source is not None:
            return _read_source(source, [table], layout)
        if not layout.names_columns and (labels := find_written_labels(table.header)):
            layout = replace(layout, label_cols=labels, patient_col=PATIENT_COL)
            is_guarded = True
    path = table.path
    if layout.label_map is not None:
        # What is asked for are the labels that the map makes, and not the table's.
        vocabulary = None
    wanted = _wanted_columns(table, layout, remedy)
    if is_guarded:
        # Ours alone: in others' tables a column "Source" or "Site" may hold anything.
        wanted += [name for name in FURTHER_COLS.values() if name in table.header]
    raw = table.take(wanted, is_guarded=is_guarded)
    check_image_ids(path, raw[layout.image_col])
    if layout.dicom is not None and not is_guarded:
        raw = _add_headers(raw, layout, layout.dicom)
    codes, names = encode_labels(path, raw, layout, vocabulary)
    sex_col = next((name for name in SEX_COLS if name in raw), None)
    empty = pd.Series("", index=raw.index)
    columns = {
        "image_id": raw[layout.image_col],
        "path": "",
        "patient_id": _patient_ids(path, raw, layout, remedy),
        "view": raw.get(VIEW_COL, empty),
        "age": parse_ages(raw.get(AGE_COL, empty)),
        "sex": raw[sex_col] if sex_col else "",
    }
    if layout.part_col:
        columns["part"] = read_part_names(path, raw[layout.part_col])
    if is_guarded or layout.dicom is not None:
        columns |= {name: raw[col] for name, col in FURTHER_COLS.items() if col in raw}
    rows = pd.DataFrame(columns).reset_index(drop=True)
    made = Manifest.of_codes(rows, codes, names, blank=layout.blank or "unknown")
    return map_manifest(made, layout.label_map)


def _read_source(
    source: TableSource, given: Sequence[Path | CsvTable], layout: TableFormat
) -> Manifest:
    reading, manifest = read_as_source(source, given, layout)
    console.say(reading.describe(is_named=layout.dataset is not None))
    return manifest


def _wanted_columns(table: CsvTable, layout: TableFormat, remedy: str | None) -> list[str]:
    label_columns = layout.label_cols or (layout.labels_col,)
    options = {
        layout.image_col: "Pass --image-col.",
        layout.labels_col: "Pass --labels-col or --label-cols.",
        "": "Pass --label-cols.",
    }
    ids = [layout.image_col]
    if layout.patient_col:
        ids.append(layout.patient_col)
        options[layout.patient_col] = "Pass --patient-col."
    for name in ids:
        if name in label_columns:
            raise InputError(
                f"column {name!r} can't hold labels and name images or patients. Pass another "
                "column for one of them."
            )
    if layout.part_col:
        ids.append(layout.part_col)
        options[layout.part_col] = "Pass --split-col."
    if layout.label_cols:
        check_vocabulary(layout.label_cols, source=table.path)
    needed = [*ids, *label_columns]
    optional = [name for name in _OPTIONAL if name in table.header]
    if not layout.label_cols and UNKNOWN_COL in table.header:
        optional.append(UNKNOWN_COL)
    wanted = list(dict.fromkeys([*needed, *optional]))
    table.require_columns(wanted, remedies=options if remedy is None else {"": remedy})
    return wanted


def _add_headers(raw: pd.DataFrame, layout: TableFormat, folder: Path) -> pd.DataFrame:
    """The rows with what the films' headers say in columns that the table does not have."""
    headers = read_headers(raw[layout.image_col].tolist(), folder).set_index(raw.index)
    has_sex = any(name in raw for name in SEX_COLS)
    columns = {
        PATIENT_COL: "patient_id",
        FURTHER_COLS["date"]: "date",
        VIEW_COL: "view",
        AGE_COL: "age",
        **({} if has_sex else {SEX_COLS[0]: "sex"}),
    }
    return raw.assign(**{new: headers[name] for new, name in columns.items() if new not in raw})


def _patient_ids(
    path: Path, raw: pd.DataFrame, layout: TableFormat, remedy: str | None
) -> pd.Series[str]:
    column = layout.patient_col or (PATIENT_COL if PATIENT_COL in raw else None)
    if column:
        check_patients(path, raw[column])
        return raw[column]
    patients = raw[layout.image_col].str.extract(NIH_FILE_NAME, expand=False)
    if patients.isna().any():
        raise InputError(
            f"{path} has no column {PATIENT_COL!r}, and the name "
            f"{show(raw[layout.image_col][patients.isna()].iloc[0])} in row "
            f"{first_row(patients.isna())} doesn't follow NIH's pattern 00000013_005.png. "
            f"{remedy or 'Pass --patient-col: without patients a split can leak.'}"
        )
    return patients
