"""The audit of a split, whoever made it: its files read, and what leaks between them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from xlite.errors import InputError
from xlite.labels import UNKNOWN
from xlite.places import SPLIT_PARTS, SPLIT_RECORD
from xlite.results.split import SplitAudit, SplitRecord
from xlite.splitting.folds_folder import is_folds
from xlite.splitting.leakage import audit_parts
from xlite.splitting.split_record import files_format
from xlite.tables.label_table import read_manifest
from xlite.tables.manifest import Manifest
from xlite.tables.read_labels import LabelSource, read_labels
from xlite.tables.table_format import TableFormat


def audit_split(
    parts: Sequence[str | Path] | Mapping[str, LabelSource],
    *,
    table_format: TableFormat | None = None,
    images: str | Path | None = None,
) -> SplitAudit:
    """What leaks between the parts of a split, and what they hold: `xlite split --audit`.

    parts: the files of two parts or more, or label tables by the name of the part, each a file, a
    data frame or what `read_labels` gives. Files that a `split.json` beside them records are read
    as it says, all else in `table_format`, NIH's by default. images: the folder that holds them, or
    a CLAHE cache of them, to find the same film under two names, whatever was done to it: 10 ms an
    image of the folder, 1 ms of a cache, once for each build. Leakage is found, not judged:
    `require_no_leakage` raises. Raises InputError for fewer than two parts, an empty part, a
    missing id, and a patient id that was a number and lost digits.

    >>> import pandas as pd
    >>> table = pd.DataFrame(
    ...     {
    ...         "Image Index": ["a", "b"],
    ...         "Finding Labels": ["Mass", "No Finding"],
    ...         "Patient ID": [1, 2],
    ...     }
    ... )
    >>> audit_split({"train": table, "test": table}).patient_overlap
    {'train|test': 2}
    """
    tables = read_parts(parts, table_format=table_format)
    audit = audit_parts(tables)
    if images is None:
        return audit
    # OpenCV takes 0.1 s to import, which an audit of tables does not need.
    from xlite.splitting.near_duplicates.across_parts import find_across_parts

    names = {name: table.image_ids for name, table in tables.items()}
    pairs, warnings = find_across_parts(names, Path(images))
    return replace(audit, near_duplicates=pairs, warnings=(*audit.warnings, *warnings))


def find_parts(folder: Path) -> list[Path]:
    """The tables of a split in its folder; InputError for one that holds folds, or none."""
    if is_folds(folder):
        raise InputError(
            f"{folder} holds folds, each a split of its own. Name one of them: --audit "
            f"{folder / '0'}."
        )
    found = [folder / f"{name}.csv" for name in SPLIT_PARTS]
    return [path for path in found if path.exists()]


def read_parts(
    parts: Sequence[str | Path] | Mapping[str, LabelSource],
    *,
    table_format: TableFormat | None = None,
) -> dict[str, Manifest]:
    """The parts by name, files by the file's, with one vocabulary for all; see `audit_split`."""
    named = parts if isinstance(parts, Mapping) else _name_files([Path(path) for path in parts])
    layout = table_format or TableFormat()
    if layout.part_col is not None:
        raise InputError(
            "--split-col says which part each row of one table is in, and here each file is a "
            "part. Leave it out, or split the one table: --labels CSV."
        )
    tables = [
        _read_file(Path(part), layout)
        if isinstance(part, str | Path)
        else read_labels(part, table_format=layout)
        for part in named.values()
    ]
    union = tuple(dict.fromkeys(name for table in tables for name in table.vocabulary))
    return {
        name: _widen(table, union, is_open=bool(layout.label_cols))
        for name, table in zip(named, tables, strict=True)
    }


def _name_files(paths: Sequence[Path]) -> dict[str, Path]:
    names = [path.name.removesuffix(".gz").removesuffix(".csv") for path in paths]
    if len(set(names)) < len(names):
        names = [str(path) for path in paths]
    if len(set(names)) < len(names):
        raise InputError("a file is named twice. Name each part's file once.")
    return dict(zip(names, paths, strict=True))


def _read_file(path: Path, table_format: TableFormat) -> Manifest:
    record_path = path.parent / SPLIT_RECORD
    if os.path.lexists(record_path):
        record = SplitRecord.read(
            record_path, remedy=f"To audit {path.name} without it, move it elsewhere."
        )
        if path.name in record.files:
            return read_manifest(
                path,
                table_format=files_format(record),
                vocabulary=record.labels,
                is_guarded=record.is_guarded,
            )
    return read_manifest(path, table_format=table_format)


def _widen(part: Manifest, vocabulary: tuple[str, ...], *, is_open: bool) -> Manifest:
    """The part with labels for the whole vocabulary: those it never names are absent from it.

    is_open: they are unknown instead, as where each label has a column and this part has none.
    """
    if part.vocabulary == vocabulary:
        return part
    labels = np.full((len(part), len(vocabulary)), UNKNOWN if is_open else 0, dtype=np.int8)
    labels[:, [vocabulary.index(name) for name in part.vocabulary]] = part.labels
    return replace(part, labels=labels, vocabulary=vocabulary, codes=None)
