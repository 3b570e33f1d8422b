"""Splits as read from their folders: label tables and a record, checked."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from xlite.errors import InputError
from xlite.files import sha256_of_file
from xlite.places import FOLDS_RECORD, SPLIT_PARTS, SPLIT_RECORD
from xlite.results.split import SplitRecord
from xlite.splitting.leakage import audit_parts, require_no_leakage
from xlite.splitting.split_record import SPLIT_REMEDY, files_format, part_names
from xlite.tables.label_table import read_manifest
from xlite.tables.manifest import Manifest
from xlite.tables.table_format import TableFormat

Parts = dict[str, Manifest]


@dataclass(frozen=True)
class Split:
    """A split as read from its folder: the parts and the SHA-256 of their files.

    One that was made without validation has no part "val".
    """

    parts: Parts
    sha256: dict[str, str]

    def require_part(self, name: str) -> Manifest:
        """The part of this name; InputError where the split was made without it."""
        if name not in self.parts:
            raise InputError(
                f"the split has no {name} part: it was made with --no-val. Name its test part, or "
                "make a split with validation."
            )
        return self.parts[name]


def read_split(folder: Path, *, table: Manifest | None = None) -> Split:
    """The split in a folder of train.csv, val.csv and test.csv, checked.

    With `split.json` beside them the files have to be the ones it records, and validation may be
    missing where it records none. With `table` the labels are those of the label table, which has
    to agree. Raises LeakageError when a patient is on two sides.
    """
    vocabulary = table.vocabulary if table is not None else None
    table_format, is_guarded, record = TableFormat(), False, _read_record(folder)
    if record is not None:
        vocabulary, table_format = record.labels, files_format(record)
        is_guarded = record.is_guarded
    sha256 = hash_tables(folder, record)
    paths = {name: folder / f"{name}.csv" for name in sha256}
    parts = {
        name: read_manifest(
            path,
            table_format=table_format,
            vocabulary=vocabulary,
            is_guarded=is_guarded,
            remedy=SPLIT_REMEDY,
        )
        for name, path in paths.items()
    }
    require_no_leakage(audit_parts(parts))
    if table is not None:
        for name, part in parts.items():
            _require_same_labels(part, table, paths[name])
    return Split(parts=parts, sha256=sha256)


def _read_record(folder: Path) -> SplitRecord | None:
    path = folder / SPLIT_RECORD
    # lexists: a record that is a link to nothing is broken, not absent.
    return SplitRecord.read(path, remedy=SPLIT_REMEDY) if os.path.lexists(path) else None


def hash_tables(folder: Path, record: SplitRecord | None) -> dict[str, str]:
    """The SHA-256 of the tables of a split's parts.

    Raises InputError where one is missing, is there unrecorded, or is not the one recorded.
    """
    names = SPLIT_PARTS if record is None else part_names(record)
    for name in SPLIT_PARTS:
        path = folder / f"{name}.csv"
        if name in names and not path.exists():
            raise InputError(f"split file {path} does not exist. {_find_remedy(folder)}")
        if name not in names and os.path.lexists(path):
            raise InputError(
                f"{path} is no part of the split: {folder / SPLIT_RECORD} records none for "
                "validation. Move it elsewhere."
            )
    sha256 = {name: sha256_of_file(folder / f"{name}.csv") for name in names}
    for name, found in sha256.items():
        if record is not None and record.files.get(f"{name}.csv") != found:
            raise InputError(
                f"{folder / name}.csv was changed since the split was made (its SHA-256 differs "
                f"from {folder / SPLIT_RECORD}). Restore it, or run `xlite split` again."
            )
    return sha256


def _find_remedy(folder: Path) -> str:
    """What to do where a folder holds no split."""
    if os.path.lexists(folder / FOLDS_RECORD):
        return f"The folder holds folds: pass one of them, such as {folder / '0'}."
    return SPLIT_REMEDY


def _require_same_labels(part: Manifest, table: Manifest, path: Path) -> None:
    if part.vocabulary != table.vocabulary:
        raise InputError(f"{path} and the label table have different vocabularies. {SPLIT_REMEDY}")
    position = pd.Index(table.image_ids).get_indexer(pd.Index(part.image_ids))
    if (position < 0).any():
        absent = part.image_ids[position < 0]
        raise InputError(
            f"{len(absent)} of {len(part)} images in {path} are not in the label table (first: "
            f"{absent[0]}). Pass the table that the split was made from."
        )
    differs = (table.labels[position] != part.labels).any(axis=1)
    if differs.any():
        raise InputError(
            f"the labels of {int(differs.sum())} images in {path} differ from the label table "
            f"(first: {part.image_ids[differs][0]}). Run `xlite split` on the table again."
        )
