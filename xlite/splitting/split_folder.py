"""Splits as folders: three label tables and a record, written whole, read back and checked."""

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
from xlite.places import SPLIT_PARTS, SPLIT_RECORD
from xlite.results.split import SplitRecord
from xlite.splitting.leakage import audit_parts, require_no_leakage
from xlite.splitting.split_record import SPLIT_REMEDY, files_format, layout_of
from xlite.tables.label_table import TableFormat, read_manifest, written_format
from xlite.tables.manifest import Manifest, write_manifest

Parts = dict[str, Manifest]


@dataclass(frozen=True)
class Split:
    """A split as read from its folder: the three parts and the SHA-256 of their files."""

    parts: Parts
    sha256: dict[str, str]


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
                f"{out} holds another split (seed {earlier.seed}, ratios "
                f"{earlier.ratios}). Pass another --out, or --overwrite to replace it."
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
    made = replace(made, files=files)
    write_json(out / SPLIT_RECORD, made.to_json())
    return made


def read_split(folder: Path, *, table: Manifest | None = None) -> Split:
    """The split in a folder of train.csv, val.csv and test.csv, checked.

    With `split.json` beside them the files have to be the ones it records. With `table` the
    labels are those of the label table, which has to agree. Raises LeakageError when a patient
    is on two sides.
    """
    paths = {name: folder / f"{name}.csv" for name in SPLIT_PARTS}
    for path in paths.values():
        if not path.exists():
            raise InputError(f"split file {path} does not exist. {SPLIT_REMEDY}")
    sha256 = {name: sha256_of_file(path) for name, path in paths.items()}
    vocabulary = table.vocabulary if table is not None else None
    table_format, is_guarded = TableFormat(), False
    record_path = folder / SPLIT_RECORD
    # lexists: a record that is a link to nothing is broken, not absent.
    if os.path.lexists(record_path):
        record = SplitRecord.read(record_path, remedy=SPLIT_REMEDY)
        vocabulary, table_format = record.labels, files_format(record)
        is_guarded = record.is_guarded
        for name in SPLIT_PARTS:
            if record.files.get(f"{name}.csv") != sha256[name]:
                raise InputError(
                    f"{paths[name]} was changed since the split was made (its SHA-256 differs "
                    f"from {record_path}). Restore it, or run `xlite split` again."
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
