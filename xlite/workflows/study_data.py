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
from xlite.splitting.folds_folder import is_folds
from xlite.training.folded_data import AnyData, data_of, list_folds
from xlite.workflows.loaded_data import load_data

if TYPE_CHECKING:
    from xlite.splitting.split_folder import Split
    from xlite.studies.study_plan import StudyPlan
    from xlite.studies.work_item import WorkItem
    from xlite.training.data import StudyData

_FILE_WEIGHTS = "sha256:"
_KEPT = 2
"""NIH's table takes some 30 MB and 0.7 s as a split, and ten times that as ten folds."""


def load_item_data(item: WorkItem, plan: StudyPlan) -> StudyData:
    """The data that an item trains on: its split, or the fold of it, and the plan's images.

    What was loaded last is kept, and loaded again where its files were made anew. Raises InputError
    for a fold of a split that has no such one, and for folds without a number.
    """
    split, cache = item.split or plan.split, plan.cache if plan.images is None else None
    files = [split / SPLIT_RECORD, split / FOLDS_RECORD, split / "train.csv", plan.labels]
    files += [] if cache is None else [cache / CACHE_RECORD]
    stamps = tuple(_stamp(path) for path in files if path is not None)
    data = _load(split, plan.labels, plan.cache, plan.images, stamps)
    folds = list_folds(data)
    if item.fold not in folds:
        has = "is a single split" if folds == (None,) else f"has {len(folds)} folds, from 0"
        raise InputError(f"{item.id} is of fold {item.fold}, and {split} {has}.")
    return data_of(data, item.fold)


def read_item_split(item: WorkItem, plan: StudyPlan) -> Split | FoldSplits:
    """The split or the folds that an item of kind `judge` is about, without the images."""
    split = item.split or plan.split
    if is_folds(split):
        return _read_folds(split, plan.labels, _stamp(split / FOLDS_RECORD))
    return read_checked_split(split, plan.labels)


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


@lru_cache(maxsize=_KEPT)
def _load(
    split: Path, labels: Path | None, cache: Path, images: Path | None, _stamps: tuple[object, ...]
) -> AnyData:
    return load_data(split, labels, cache, images)


@lru_cache(maxsize=1)
def _read_folds(folds: Path, labels: Path | None, _stamp: object) -> FoldSplits:
    return read_fold_splits(folds, labels)[0]


@lru_cache(maxsize=16)
def _sum(path: Path, _stamp: object) -> str:
    return sha256_of_file(path)
