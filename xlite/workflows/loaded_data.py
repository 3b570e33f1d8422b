"""The data that functions that train load: a split or folds, and where their images come from."""

from __future__ import annotations

from pathlib import Path

from xlite.splitting.checked_split import read_checked_split
from xlite.splitting.fold_splits import read_fold_splits
from xlite.splitting.folds_folder import is_folds
from xlite.tables.table_files import TableFiles
from xlite.training.data import StudyData, load_study_data
from xlite.training.folded_data import AnyData, load_folded_data, require_judgeable


def load_data(
    split: str | Path, labels: TableFiles | None, cache: str | Path, images: str | Path | None
) -> AnyData:
    """The parts of a split, or of each of a folder of folds, and where their images come from."""
    if not is_folds(Path(split)):
        return load_split_data(split, labels, cache, images)
    folds, split_dirs = read_fold_splits(Path(split), labels)
    images_dir = None if images is None else Path(images)
    return load_folded_data(folds, split_dirs, Path(cache), images_dir=images_dir)


def load_split_data(
    split: str | Path, labels: TableFiles | None, cache: str | Path, images: str | Path | None
) -> StudyData:
    """The split's parts, and where their images come from: the cache, or the folder `images`."""
    parts = read_checked_split(Path(split), labels)
    images_dir = None if images is None else Path(images)
    return load_study_data(parts, Path(cache), images_dir=images_dir, split_dir=Path(split))


def load_judgeable_data(
    split: str | Path, labels: TableFiles | None, cache: str | Path, images: str | Path | None
) -> AnyData:
    """As `load_data`; InputError where no variants could be judged in the end."""
    data = load_data(split, labels, cache, images)
    require_judgeable(data)
    return data
