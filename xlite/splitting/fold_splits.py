"""The splits of all folds, as they are trained and judged on.

N images, of which each is tested in one fold of every repeat.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from xlite.errors import InputError
from xlite.splitting.checked_split import read_checked_split
from xlite.splitting.folds_folder import read_folds
from xlite.splitting.split_folder import Split
from xlite.tables.manifest import Manifest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xlite.tables.table_files import TableFiles


@dataclass(frozen=True)
class FoldSplits:
    """The split of each fold: its test part is the fold."""

    splits: tuple[Split, ...]
    """Those of all repeats, in the order of their numbers."""
    num_folds: int
    """Those of one repeat, K."""

    @property
    def repeats(self) -> int:
        """How often all images were dealt to folds."""
        return len(self.splits) // self.num_folds

    def numbers(self, repeat: int) -> range:
        """The numbers of the folds of a repeat."""
        return range(repeat * self.num_folds, (repeat + 1) * self.num_folds)

    def find(self, sha256: Mapping[str, str]) -> int | None:
        """The number of the fold whose tables have these sums by part; None for another split."""
        for number, split in enumerate(self.splits):
            if all(sha256.get(name) == digest for name, digest in split.sha256.items()):
                return number
        return None

    @cached_property
    def images(self) -> Manifest:
        """Every image once: the test parts of the first repeat, one after the other."""
        parts = [self.splits[number].parts["test"] for number in self.numbers(0)]
        return Manifest(
            table=pd.concat([part.table for part in parts], ignore_index=True),
            labels=np.concatenate([part.labels for part in parts]),
            vocabulary=parts[0].vocabulary,
        )

    def assign(self, image_ids: NDArray[Any], repeat: int) -> NDArray[np.intp]:
        """(N,) the number of the fold that tests each image in a repeat."""
        numbers = {
            name: number
            for number in self.numbers(repeat)
            for name in self.splits[number].parts["test"].image_ids
        }
        return np.array([numbers[name] for name in image_ids], dtype=np.intp)

    @property
    def test_per_train(self) -> float:
        """Patients of a fold's test part for each one of its training part, on average."""
        return mean(
            split.parts["test"].table["patient_id"].nunique()
            / split.parts["train"].table["patient_id"].nunique()
            for split in self.splits
        )


def read_fold_splits(
    folder: Path, labels: TableFiles | None
) -> tuple[FoldSplits, tuple[Path, ...]]:
    """The splits of all folds in a folder, and where each lies.

    labels: a table that they have to agree with. Raises InputError for folds that were not
    finished or changed, and where the repeats are not of the same images.
    """
    found = read_folds(folder)
    splits = tuple(read_checked_split(split, labels) for split in found.splits)
    folds = FoldSplits(splits=splits, num_folds=len(found.repeats[0]))
    expected = sorted(folds.images.image_ids)
    for repeat in range(folds.repeats):
        parts = (splits[number].parts["test"] for number in folds.numbers(repeat))
        if sorted(name for part in parts for name in part.image_ids) != expected:
            raise InputError(
                f"the folds {folder / str(folds.numbers(repeat)[0])} and on do not test every "
                f"image of {folder} once. Run the `xlite split --folds` command that made it again."
            )
    return folds, found.splits
