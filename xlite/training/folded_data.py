"""The data of a study over folds: the same images, divided anew for each fold."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from xlite.errors import InputError
from xlite.splitting.fold_splits import FoldSplits
from xlite.splitting.split_folder import Split
from xlite.training.data import StudyData, load_splits_data

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class FoldedData:
    """What every run of a study over folds shares: the images, and how each fold divides them."""

    folds: tuple[StudyData, ...]
    """Those of all repeats, in the order of their numbers."""
    num_folds: int
    """Those of one repeat."""

    @property
    def is_cached(self) -> bool:
        """Whether the images lie in a CLAHE cache."""
        return self.folds[0].is_cached

    @property
    def splits(self) -> FoldSplits:
        """The splits of the folds, of the images that can be read."""
        splits = (Split(parts=fold.parts, sha256=fold.split_sha256) for fold in self.folds)
        return FoldSplits(splits=tuple(splits), num_folds=self.num_folds)


AnyData = StudyData | FoldedData
"""The data of a study, without or with folds."""


def list_folds(data: AnyData) -> tuple[int | None, ...]:
    """The numbers of the folds, of which each is a run; None alone where there are none."""
    return tuple(range(len(data.folds))) if isinstance(data, FoldedData) else (None,)


def data_of(data: AnyData, fold: int | None) -> StudyData:
    """What the runs of a fold are trained on; without folds all runs have the same."""
    if not isinstance(data, FoldedData):
        return data
    if fold is None:
        raise ValueError("a run over folds has to say which fold it is of")
    return data.folds[fold]


def require_judgeable(data: AnyData) -> None:
    """Raise InputError where variants can't be judged: a split without validation that is no folds.

    Over folds each image is judged by a run that has not seen it.
    """
    if isinstance(data, StudyData) and not data.has_validation:
        raise InputError(
            "variants are judged by the validation part, and the split was made without one "
            "(--no-val). Make one with it, or folds, which are judged out of fold."
        )


def load_folded_data(
    folds: FoldSplits,
    split_dirs: Sequence[Path],
    cache_dir: Path,
    *,
    images_dir: Path | None = None,
) -> FoldedData:
    """The data of folds whose images lie in a CLAHE cache, or in `images_dir`.

    split_dirs: where the split of each fold lies. Raises InputError, which names the fold, when a
    part of one is too poor to train or to judge on.
    """
    named = {
        f"fold {number}": (split, split_dir)
        for number, (split, split_dir) in enumerate(zip(folds.splits, split_dirs, strict=True))
    }
    loaded = load_splits_data(named, cache_dir, images_dir=images_dir)
    return FoldedData(folds=tuple(loaded), num_folds=folds.num_folds)
