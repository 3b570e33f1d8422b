"""The data and the files of weights that a study's items name, loaded once a process."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from xlite.clahe_cache.file_names import CACHE_RECORD
from xlite.errors import InputError
from xlite.files import sha256_of_file
from xlite.places import FOLDS_RECORD, SPLIT_RECORD
from xlite.splitting.checked_split import read_checked_split
from xlite.splitting.fold_splits import FoldSplits, read_fold_splits
from xlite.splitting.folds_folder import is_folds, read_folds
from xlite.workflows.study_runs import load_split_data

if TYPE_CHECKING:
    from xlite.splitting.split_folder import Split
    from xlite.studies.study_plan import StudyPlan
    from xlite.studies.work_item import WorkItem
    from xlite.training.data import StudyData

_FILE_WEIGHTS = "sha256:"
_KEPT_SPLITS = 4
"""NIH's table takes some 60 MB as a split, and the folds of a study are asked for by turns."""


def load_item_data(item: WorkItem, plan: StudyPlan) -> StudyData:
    """The data that an item trains on: its split, or the fold of it, and the plan's images.

    What was loaded last is kept, and loaded again where its files were made anew.
    """
    split = find_item_split(item, plan)
    cache = plan.cache if plan.images is None else None
    stamps = tuple(
        _stamp(path)
        for path in (
            split / SPLIT_RECORD,
            split / "train.csv",
            *([] if cache is None else [cache / CACHE_RECORD]),
            *([] if plan.labels is None else [plan.labels]),
        )
    )
    return _load(split, plan.labels, plan.cache, plan.images, stamps)


def read_item_split(item: WorkItem, plan: StudyPlan) -> Split | FoldSplits:
    """The split or the folds that an item of kind `judge` is about, without the images."""
    split = item.split or plan.split
    if is_folds(split):
        return _read_folds(split, plan.labels, _stamp(split / FOLDS_RECORD))
    return read_checked_split(split, plan.labels)


def find_item_split(item: WorkItem, plan: StudyPlan) -> Path:
    """The split folder that an item is about: of folds, that of its fold.

    Raises InputError for a fold of what is no folder of folds, and for folds without one.
    """
    split = item.split or plan.split
    if item.fold is None:
        if is_folds(split):
            raise InputError(f"{split} holds folds, and {item.id} names none of them.")
        return split
    return _find_fold(split, item.fold, _stamp(split / FOLDS_RECORD))


def require_file(path: Path | None, wanted: str | None, *, what: str) -> None:
    """Raise InputError unless the file of weights is the one whose sum the settings have.

    wanted: `sha256:…`, or anything else where no file is named.
    """
    if wanted is None or not wanted.startswith(_FILE_WEIGHTS):
        return
    if path is None:
        raise InputError(f"the settings have {what} of {wanted[:19]}…, and the plan names no file.")
    if not path.is_file():
        raise InputError(f"{path}, the plan's {what}, does not exist. Put the file back.")
    if _sum(path, _stamp(path)) != wanted.removeprefix(_FILE_WEIGHTS):
        raise InputError(
            f"{path}, the plan's {what}, is not the file that it was when the study began: its "
            "SHA-256 is another. Put that file back, or begin another study."
        )


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None  # whoever reads it says what is wrong
    return found.st_mtime_ns, found.st_size


@lru_cache(maxsize=_KEPT_SPLITS)
def _load(
    split: Path, labels: Path | None, cache: Path, images: Path | None, _stamps: tuple[object, ...]
) -> StudyData:
    return load_split_data(split, labels, cache, images)


@lru_cache(maxsize=1)
def _read_folds(folds: Path, labels: Path | None, _stamp: object) -> FoldSplits:
    return read_fold_splits(folds, labels)[0]


@lru_cache(maxsize=64)
def _find_fold(folds: Path, number: int, _stamp: object) -> Path:
    splits = read_folds(folds).splits
    if not 0 <= number < len(splits):
        raise InputError(f"{folds} has {len(splits)} folds, numbered from 0, and no {number}.")
    return splits[number]


@lru_cache(maxsize=16)
def _sum(path: Path, _stamp: object) -> str:
    return sha256_of_file(path)
