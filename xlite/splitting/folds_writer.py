"""Folds as a folder: a split folder a fold, then `folds.json`; nobody else's files are touched."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from xlite.errors import InputError
from xlite.files import sha256_of_file, write_json
from xlite.ownership import require_replaceable_file, require_writable_folder
from xlite.places import FOLDS_RECORD, SPLIT_PARTS, SPLIT_RECORD
from xlite.results.folds import FoldsRecord
from xlite.results.split import SplitRecord
from xlite.splitting.folds_folder import read_folds
from xlite.splitting.split_writer import (
    hash_contents,
    require_place,
    select_tables,
    write_tables,
)
from xlite.splitting.written_table import CheckedLines

_REMEDY = "Pass another --out, or --overwrite to replace them."


def write_folds(
    made: FoldsRecord,
    splits: Sequence[SplitRecord],
    lines: CheckedLines,
    out: Path,
    *,
    overwrite: bool,
    sources: Sequence[Path] = (),
) -> FoldsRecord:
    """Write a folder for each split and, last, `folds.json`; returns its content.

    lines: of the whole table, which the rows of the splits are of. A folder with a split, with
    other folds or with files of these names that we did not write is an InputError, the latter two
    unless `overwrite`, before anything is written. The same folds again change nothing, and finish
    what was not finished.
    """
    _refuse_split(out)
    earlier = _read_earlier(out, overwrite=overwrite)
    if earlier is not None and not overwrite:
        if not earlier.is_same(made):
            raise InputError(
                f"{out} holds other folds ({earlier.repeats} × {earlier.num_folds}, seed "
                f"{earlier.seed}). {_REMEDY}"
            )
        read_folds(out)
    require_replaceable_file(out / FOLDS_RECORD, is_ours=lambda _: True)
    folders = [out / fold.folder for fold in made.folds]
    for folder, split in zip(folders, splits, strict=True):
        if os.path.lexists(folder):
            sums = hash_contents(select_tables(lines, split))
            split = replace(split, files=sums)
            require_place(folder, split, overwrite=overwrite, sources=sources)
    if earlier is not None and not overwrite:
        return replace(earlier, rows=made.rows)
    # From here to the end they are folds that were not finished.
    (out / FOLDS_RECORD).unlink(missing_ok=True)
    for folder, split in zip(folders, splits, strict=True):
        tables = select_tables(lines, split)
        write_tables(tables, split, folder, overwrite=overwrite, sources=sources)
    for folder in _find_stale(out, {folder.name for folder in folders}):
        _remove_fold(folder)
    records = {f"{folder.name}/{SPLIT_RECORD}": folder / SPLIT_RECORD for folder in folders}
    made = replace(made, files={name: sha256_of_file(path) for name, path in records.items()})
    write_json(out / FOLDS_RECORD, made.to_json())
    return made


def _refuse_split(out: Path) -> None:
    require_writable_folder(out)
    for name in (SPLIT_RECORD, *(f"{part}.csv" for part in SPLIT_PARTS)):
        if os.path.lexists(out / name):
            raise InputError(
                f"{out} holds {name}, a file of a single split. Folds need a folder of their own: "
                "pass another --out."
            )


def _read_earlier(out: Path, *, overwrite: bool) -> FoldsRecord | None:
    """The record of the folds that `out` holds; None where there is none, or it is to go."""
    path = out / FOLDS_RECORD
    if not path.exists():
        return None
    try:
        return FoldsRecord.read(path, remedy=_REMEDY)
    except InputError:
        if overwrite:
            return None
        raise


def _find_stale(out: Path, names: set[str]) -> Iterator[Path]:
    """The folders of folds with higher numbers, which were there before."""
    for folder in list(out.iterdir()):
        if folder.name.isdigit() and folder.name not in names and not folder.is_symlink():
            yield folder


def _remove_fold(folder: Path) -> None:
    """Delete what we wrote of a fold, and its folder where nothing else is in it."""
    try:
        record = SplitRecord.read(folder / SPLIT_RECORD, remedy="")
    except InputError:
        return
    if record.fold is None:
        return
    for name, digest in record.files.items():
        path = folder / name
        if path.parent == folder and path.is_file() and sha256_of_file(path) == digest:
            path.unlink()
    (folder / SPLIT_RECORD).unlink()
    with contextlib.suppress(OSError):
        folder.rmdir()
