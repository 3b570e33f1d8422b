"""Folds as a folder: a split folder a fold, numbered from 0, and `folds.json`, written last."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from xlite.errors import InputError
from xlite.files import sha256_of_file
from xlite.places import FOLDS_RECORD, SPLIT_RECORD
from xlite.results.folds import FoldsRecord

_REMEDY = "Run the `xlite split --folds` command that made it again."


@dataclass(frozen=True)
class FoldsFolder:
    """Folds as read from their folder: the record, and the split folders of each repeat."""

    folder: Path
    record: FoldsRecord
    repeats: tuple[tuple[Path, ...], ...]
    """The K split folders of each repeat, in the order of the folds."""

    @property
    def splits(self) -> tuple[Path, ...]:
        """The split folders of all repeats, in the order of their numbers."""
        return tuple(split for repeat in self.repeats for split in repeat)


def is_folds(folder: Path) -> bool:
    """Whether `folder` holds folds, finished or not, and not a single split.

    Nothing is read: `read_folds` says what is wrong with those that were not finished.
    """
    # lexists: a record that is a link to nothing is broken, not absent.
    return os.path.lexists(folder / FOLDS_RECORD) or (
        not os.path.lexists(folder / SPLIT_RECORD) and (folder / "0" / SPLIT_RECORD).is_file()
    )


def read_folds(folder: Path) -> FoldsFolder:
    """The folds in `folder`: their record, and each repeat's folders for `read_split`.

    Raises InputError for a folder that holds none, that was not finished, or whose folds are not
    those of its record. The tables of a fold are checked when it is read.
    """
    path = folder / FOLDS_RECORD
    if not os.path.lexists(path):
        if is_folds(folder):
            raise InputError(
                f"the folds in {folder} were not finished: {path} is missing. {_REMEDY}"
            )
        raise InputError(
            f"{folder} holds no folds. Make them with `xlite split --folds 5 --out {folder}`."
        )
    record = FoldsRecord.read(path, remedy=_REMEDY)
    expected = [str(number) for number in range(record.num_folds * record.repeats)]
    if [fold.folder for fold in record.folds] != expected:
        raise InputError(
            f"{path} records {len(record.folds)} folds, and {record.repeats} × {record.num_folds} "
            f"are expected. {_REMEDY}"
        )
    for name in expected:
        _require_recorded(folder / name / SPLIT_RECORD, record.files, path)
    splits = [folder / name for name in expected]
    starts = range(0, len(splits), record.num_folds)
    repeats = tuple(tuple(splits[start : start + record.num_folds]) for start in starts)
    return FoldsFolder(folder, record, repeats)


def _require_recorded(split_record: Path, files: dict[str, str], path: Path) -> None:
    if not split_record.is_file():
        raise InputError(f"{split_record}, which {path} names, does not exist. {_REMEDY}")
    key = f"{split_record.parent.name}/{split_record.name}"
    if files.get(key) != sha256_of_file(split_record):
        raise InputError(
            f"{split_record} was changed since the folds were made (its SHA-256 differs from "
            f"{path}). Restore it, or make the folds anew with --overwrite."
        )
