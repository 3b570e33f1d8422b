"""Splits as folders: label tables and a record, written whole, read back and checked."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from xlite.errors import InputError
from xlite.files import atomic_path, sha256_of_file, write_json
from xlite.ownership import require_replaceable_file, require_writable_folder
from xlite.places import FOLDS_RECORD, SPLIT_PARTS, SPLIT_RECORD
from xlite.results.split import SplitRecord
from xlite.splitting.leakage import audit_parts, require_no_leakage
from xlite.splitting.split_record import SPLIT_REMEDY, files_format, layout_of, part_names
from xlite.tables.label_table import TableFormat, read_manifest, written_format
from xlite.tables.manifest import Manifest, write_manifest

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


def write_split(
    parts: Parts,
    out: Path,
    record: Mapping[str, Any],
    *,
    overwrite: bool,
    sources: Sequence[Path] = (),
) -> SplitRecord:
    """Write the three tables and, last, `split.json`; returns its content.

    record: what the split was made with (seed, ratios, …). The tables are read back and compared
    before any of them takes its name. A folder with another split, or with files of these names
    that we did not write, is an InputError unless `overwrite`; `sources`, the files that the split
    is made from, are never replaced. The same split again changes nothing.
    """
    require_writable_folder(out)
    made = describe_split(parts, record)
    earlier = _read_earlier(out, overwrite=overwrite)
    if earlier is not None and not overwrite:
        if not earlier.is_same_split(made):
            raise InputError(
                f"{out} holds another split ({earlier.describe_making()}). Pass another --out, or "
                "--overwrite to replace it."
            )
        read_split(out)
        return replace(earlier, rows=made.rows)
    with ExitStack() as stack:
        files: dict[str, str] = {}
        for name, part in parts.items():
            path = out / f"{name}.csv"
            _refuse_source(path, sources)
            temporary = stack.enter_context(atomic_path(path))
            write_manifest(part, temporary)
            _require_lossless(part, temporary, path)
            files[path.name] = sha256_of_file(temporary)
        ours = {*files.values(), *(earlier.files.values() if earlier else ())}
        for name in files:
            _require_ours(out / name, ours, overwrite=overwrite)
        require_replaceable_file(out / SPLIT_RECORD, is_ours=lambda _: True)
        stale = _find_stale(out, files, ours)
    for path in stale:
        path.unlink()
    made = replace(made, files=files)
    write_json(out / SPLIT_RECORD, made.to_json())
    return made


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
    paths = _find_tables(folder, record)
    sha256 = {name: sha256_of_file(path) for name, path in paths.items()}
    for name, path in paths.items():
        if record is not None and record.files.get(path.name) != sha256[name]:
            raise InputError(
                f"{path} was changed since the split was made (its SHA-256 differs "
                f"from {folder / SPLIT_RECORD}). Restore it, or run `xlite split` again."
            )
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


def describe_split(parts: Parts, record: Mapping[str, Any]) -> SplitRecord:
    """The record of a split that is not written yet; LeakageError where it leaks.

    record: what it was made with, as in `write_split`.
    """
    audit = audit_parts(parts)
    require_no_leakage(audit)
    vocabulary = parts["train"].vocabulary
    return SplitRecord(
        **record,
        schema_version=SplitRecord.newest_schema,
        labels=vocabulary,
        layout=layout_of(vocabulary),
        patient_overlap=sum(audit.patient_overlap.values()),
        max_deviation_pp=audit.max_deviation_pp,
        parts=audit.parts,
        files={},
    )


def _read_record(folder: Path) -> SplitRecord | None:
    path = folder / SPLIT_RECORD
    # lexists: a record that is a link to nothing is broken, not absent.
    return SplitRecord.read(path, remedy=SPLIT_REMEDY) if os.path.lexists(path) else None


def _find_tables(folder: Path, record: SplitRecord | None) -> dict[str, Path]:
    """The tables of a split's parts; InputError where one is missing, or is there unrecorded."""
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
    return {name: folder / f"{name}.csv" for name in names}


def _find_remedy(folder: Path) -> str:
    """What to do where a folder holds no split."""
    if os.path.lexists(folder / FOLDS_RECORD):
        return f"The folder holds folds: pass one of them, such as {folder / '0'}."
    return SPLIT_REMEDY


def _read_earlier(out: Path, *, overwrite: bool) -> SplitRecord | None:
    """The record of the split that `out` holds; None where there is none, or it is to go."""
    path = out / SPLIT_RECORD
    if not path.exists():
        return None
    try:
        return SplitRecord.read(path, remedy="Pass another --out, or --overwrite to replace it.")
    except InputError:
        if overwrite:
            return None
        raise


def _refuse_source(path: Path, sources: Sequence[Path]) -> None:
    if any(path.exists() and source.exists() and path.samefile(source) for source in sources):
        raise InputError(
            f"{path} is what the split is made from, and is never replaced. Pass another --out."
        )


def _require_ours(path: Path, ours: set[str], *, overwrite: bool) -> None:
    require_replaceable_file(
        path, is_ours=lambda _: sha256_of_file(path) in ours, overwrite=overwrite
    )


def _find_stale(out: Path, files: Mapping[str, str], ours: set[str]) -> list[Path]:
    """The tables that an earlier split left, and this one has none of; InputError for foreign ones.

    Read as part of the split they would be refused, and nobody's file is deleted.
    """
    paths = [out / f"{name}.csv" for name in SPLIT_PARTS if f"{name}.csv" not in files]
    stale = [path for path in paths if os.path.lexists(path)]
    for path in stale:
        if path.is_symlink() or not path.is_file() or sha256_of_file(path) not in ours:
            raise InputError(
                f"{path} was not written by this command, and the split has no such part. Move it "
                "elsewhere, or pass another --out."
            )
    return stale


def _require_lossless(part: Manifest, written: Path, path: Path) -> None:
    """Raise InputError unless the file that was written reads back as the part it holds."""
    back = read_manifest(
        written,
        table_format=written_format(part.vocabulary),
        vocabulary=part.vocabulary,
        is_guarded=True,
    )
    differs = [
        name
        for name in ("image_id", "patient_id", "view", "age", "sex")
        if not part.table[name]
        .reset_index(drop=True)
        .astype(object)
        .equals(back.table[name].astype(object))
    ]
    if back.vocabulary != part.vocabulary or not np.array_equal(back.labels, part.labels):
        differs.append("labels")
    if differs:
        raise InputError(
            f"{path} would not read back as the table it is made from: {', '.join(differs)} "
            "differ. Write the cells of the label table without blanks and control characters."
        )


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
