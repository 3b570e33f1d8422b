"""What is understood of a source's tables: `xlite tables` as a function."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from xlite.errors import InputError
from xlite.files import atomic_path
from xlite.ownership import require_replaceable_file
from xlite.results.table_reading import LabelCounts, ReaderAgreement, TableReading
from xlite.splitting.written_table import encode_checked
from xlite.tables.cells import ABSENT, BLANK, PRESENT, UNCERTAIN
from xlite.tables.chosen_source import choose_source, choose_source_of, read_as_source
from xlite.tables.csv_table import open_csv
from xlite.tables.label_table import keep_rows, read_manifest, refuse_unlabelled
from xlite.tables.sources.reading import SourceReading
from xlite.tables.sources.registry import GENERIC, recognise_source
from xlite.tables.table_files import TableFiles, list_files
from xlite.tables.table_format import TableFormat

if TYPE_CHECKING:
    from xlite.tables.csv_table import CsvTable
    from xlite.tables.manifest import Manifest
    from xlite.tables.sources.source import TableSource


def read_tables(
    files: TableFiles,
    *,
    table_format: TableFormat | None = None,
    out: str | Path | None = None,
    overwrite: bool = False,
) -> TableReading:
    """What a source's tables hold, and what was assumed and left out: `xlite tables`.

    files: a table, several of one source, or the folder that they lie in. table_format: which
    source it is, `TableFormat(dataset="mimic")`, where the header does not say; or which columns
    of a plain table hold what. out: a plain table to write, an image a row with its labels as
    decided, 1, 0 and -1 for unknown. overwrite: replace `out`.

    Raises InputError for what can't be read as the source writes it, and for an `out` that is one
    of the files, or is there already.

    >>> read_tables([])
    Traceback (most recent call last):
    xlite.errors.InputError: no table is named. Pass a file, or a folder with a data set's.
    """
    layout = table_format or TableFormat()
    paths = list_files(files)
    if out is not None:
        _require_place(Path(out), paths, overwrite=overwrite)
    tables: Sequence[Path | CsvTable] = paths
    source = _find_source(paths[0], layout) if len(paths) == 1 else None
    if len(paths) > 1:
        source, tables = choose_source_of(paths, layout)
    if source is not None:
        reading, manifest = read_as_source(source, tables, layout)
        manifest = keep_rows(manifest, layout, paths[0])
        made = _describe(manifest) | _describe_source(reading, manifest)
    else:
        manifest = read_manifest(paths[0], table_format=layout)
        made = _describe(manifest) | {"files": {"labels": [str(paths[0])]}}
    if out is None:
        return TableReading(**made)
    if not manifest.vocabulary:
        refuse_unlabelled(paths[0])
    content = encode_checked(replace(manifest, codes=None), str(out))
    with atomic_path(Path(out)) as path:
        path.write_bytes(content)
    return TableReading(**made, path=str(out))


def _require_place(out: Path, paths: Sequence[Path], *, overwrite: bool) -> None:
    for path in paths:
        if os.path.lexists(out) and path.exists() and out.samefile(path):
            raise InputError(f"--out {out} is one of the files that are read. Pass another.")
    require_replaceable_file(out, is_ours=lambda _: False, overwrite=overwrite)


def _find_source(path: Path, layout: TableFormat) -> TableSource | None:
    """The source that is named, or whose header the table has."""
    if layout.dataset is not None or layout.names_columns:
        return choose_source(layout)
    if path.is_dir():
        raise InputError(f"{path} is a folder. Say whose tables lie in it: --dataset NAME.")
    return recognise_source(open_csv(path, what="label table", remedy="Name a CSV file.").header)


def _describe(manifest: Manifest) -> dict[str, Any]:
    """What is to be said of any table's images."""
    table = manifest.table
    return {
        "dataset": manifest.dataset or GENERIC,
        "rows": len(manifest),
        "images": len(manifest),
        "patients": int(table["patient_id"].nunique()),
        "rows_left_out": {},
        "labels": {
            name: _count_cells(cells)
            for name, cells in zip(manifest.vocabulary, manifest.cells.T, strict=True)
        },
        "blank": manifest.blank,
        "fold_rows": None,
        "views": _count_values(table["view"]),
        "sexes": _count_values(table["sex"]),
        "images_with_age": int(table["age"].notna().sum()),
        "parts": _count_values(table["part"]) if "part" in table else {},
        "assumes": (),
        "image_table": table.drop(columns="path"),
    }


def _describe_source(reading: SourceReading, manifest: Manifest) -> dict[str, Any]:
    """What is to be said of a source's tables besides."""
    source = reading.source
    boxes = reading.boxes if len(reading.boxes) else None
    labels = {
        name: replace(
            _count_cells(cells),
            agreement=_tell_agreement(reading, name),
            boxes=None if boxes is None else int((boxes["label"] == name).sum()),
        )
        for name, cells in zip(manifest.vocabulary, manifest.cells.T, strict=True)
    }
    named = manifest.table["patient_id"].nunique() if source.patient is not None else None
    return {
        "files": {role: list(map(str, paths)) for role, paths in reading.paths.items()},
        "rows": reading.num_rows,
        "patients": None if named is None else int(named),
        "rows_left_out": dict(reading.left_out),
        "labels": labels,
        "fold_rows": reading.fold_rule,
        "assumes": source.about.assumes,
        "boxes": boxes,
    }


def _tell_agreement(reading: SourceReading, label: str) -> ReaderAgreement | None:
    found = reading.agreement.get(label)
    return None if found is None else ReaderAgreement(**vars(found))


def _count_cells(cells: np.ndarray[Any, Any]) -> LabelCounts:
    present, absent, uncertain, blank = (
        int((cells == code).sum()) for code in (PRESENT, ABSENT, UNCERTAIN, BLANK)
    )
    return LabelCounts(present=present, absent=absent, uncertain=uncertain, blank=blank)


def _count_values(cells: pd.Series[Any]) -> dict[str, int]:
    """Images by value, the most common first."""
    return {str(value): int(count) for value, count in cells.value_counts().items()}
