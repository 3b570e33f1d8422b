"""Splits as folders: label tables and a record, written whole, and nobody else's files touched."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from xlite.errors import InputError
from xlite.files import atomic_path, sha256_of_file, write_json
from xlite.ownership import require_replaceable_file, require_writable_folder
from xlite.places import FOLDS_RECORD, SPLIT_PARTS, SPLIT_RECORD
from xlite.results.split import SplitRecord
from xlite.splitting.leakage import audit_parts, require_no_leakage, warn_about_parts
from xlite.splitting.split_folder import Parts, hash_tables
from xlite.splitting.split_record import layout_of
from xlite.splitting.written_table import CheckedLines, encode_checked

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xlite.tables.manifest import Manifest


def write_split(
    parts: Parts,
    out: Path,
    record: Mapping[str, Any],
    *,
    overwrite: bool,
    sources: Sequence[Path] = (),
) -> SplitRecord:
    """Write the tables and, last, `split.json`; returns its content.

    record: what the split was made with (seed, ratios, …). The tables are read back and compared
    before any of them is written. A folder with another split, or with files of these names that
    we did not write, is an InputError unless `overwrite`; `sources`, the files that the split is
    made from, are never replaced. The same split again changes nothing.
    """
    require_writable_folder(out)
    if os.path.lexists(out / FOLDS_RECORD):
        raise InputError(
            f"{out} holds folds, which need a folder of their own. Pass another --out for a split."
        )
    tables = {
        f"{name}.csv": encode_checked(part, str(out / f"{name}.csv"))
        for name, part in parts.items()
    }
    return write_tables(
        tables, describe_split(parts, record), out, overwrite=overwrite, sources=sources
    )


def select_tables(lines: CheckedLines, split: SplitRecord) -> dict[str, bytes]:
    """The tables of a split by file name, as lines of the whole table."""
    return {f"{name}.csv": lines.select(rows) for name, rows in split.rows.items()}


def write_tables(
    tables: Mapping[str, bytes],
    made: SplitRecord,
    out: Path,
    *,
    overwrite: bool,
    sources: Sequence[Path] = (),
) -> SplitRecord:
    """Write a split whose tables, by file name, are known to read back; see `write_split`."""
    made = replace(made, files=hash_contents(tables))
    earlier = require_place(out, made, overwrite=overwrite, sources=sources)
    if earlier is not None:
        return replace(earlier, rows=made.rows)
    with ExitStack() as stack:
        for name, content in tables.items():
            stack.enter_context(atomic_path(out / name)).write_bytes(content)
    for path in _find_stale(out, made):
        path.unlink()
    write_json(out / SPLIT_RECORD, made.to_json())
    return made


def hash_contents(tables: Mapping[str, bytes]) -> dict[str, str]:
    """The SHA-256 of each table."""
    return {name: hashlib.sha256(content).hexdigest() for name, content in tables.items()}


def require_place(
    out: Path, made: SplitRecord, *, overwrite: bool, sources: Sequence[Path] = ()
) -> SplitRecord | None:
    """The same split where `out` holds it; else None, `out` being a place where it can be written.

    Nothing is written. Raises InputError where `out` holds another split or files that are not
    ours and not `overwrite`, and where it holds one of `sources` or what is never replaced.
    """
    require_writable_folder(out)
    earlier = _read_earlier(out, overwrite=overwrite)
    if earlier is not None and not overwrite:
        if not earlier.is_same_split(made):
            raise InputError(
                f"{out} holds another split ({earlier.describe_making()}). Pass another --out, or "
                "--overwrite to replace it."
            )
        hash_tables(out, earlier)
        # What version 0.1 wrote of the same table has other bytes.
        if earlier.is_guarded and earlier.files != made.files:
            raise InputError(
                f"{out} holds a split of another state of the label table, whose rows or labels "
                "differ. Pass another --out, or --overwrite to replace it."
            )
        return earlier
    for name in made.files:
        _refuse_source(out / name, sources)
    ours = {*made.files.values(), *(earlier.files.values() if earlier else ())}
    for name in made.files:
        _require_ours(out / name, ours, overwrite=overwrite)
    require_replaceable_file(out / SPLIT_RECORD, is_ours=lambda _: True)
    for path in _find_stale(out, made):
        if path.is_symlink() or not path.is_file() or sha256_of_file(path) not in ours:
            raise InputError(
                f"{path} was not written by this command, and the split has no such part. Move it "
                "elsewhere, or pass another --out."
            )
    return None


def describe_split(parts: Parts, record: Mapping[str, Any]) -> SplitRecord:
    """The record of a split that is not written yet; LeakageError where it leaks.

    record: what it was made with, as in `write_split`.
    """
    audit = audit_parts(parts)
    require_no_leakage(audit)
    train = parts["train"]
    warnings = (*(record.get("warnings") or ()), *warn_about_parts(parts, audit))
    return SplitRecord(
        **{**record, "warnings": warnings or None},
        schema_version=SplitRecord.newest_schema,
        labels=train.vocabulary,
        layout=layout_of(train),
        blank=None if train.codes is None else train.blank,
        mapping=train.mapping,
        patient_overlap=sum(audit.patient_overlap.values()),
        max_deviation_pp=audit.max_deviation_pp,
        parts=audit.parts,
        files={},
    )


def describe_parts(
    manifest: Manifest, part: NDArray[np.integer], record: Mapping[str, Any]
) -> SplitRecord:
    """The record of a split by (N,) places in `SPLIT_PARTS`; images of any other number are in no
    part, and parts without images are left out. See `describe_split`."""
    rows = {name: np.flatnonzero(part == place) for place, name in enumerate(SPLIT_PARTS)}
    rows = {name: found for name, found in rows.items() if len(found)}
    parts = {name: manifest.select(found) for name, found in rows.items()}
    return describe_split(parts, {**record, "rows": rows})


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


def _find_stale(out: Path, made: SplitRecord) -> list[Path]:
    """The tables that a split before left, of parts that this one has not.

    Read as part of the split they would be refused.
    """
    paths = [out / f"{name}.csv" for name in SPLIT_PARTS if f"{name}.csv" not in made.files]
    return [path for path in paths if os.path.lexists(path)]
