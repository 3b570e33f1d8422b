"""A split as the doctor looks at it: a folder of train.csv, val.csv and test.csv, anyone's.

N images of a part, C labels.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from xlite.clahe_cache.store import ClaheCache
from xlite.errors import InputError
from xlite.files import sha256_of_file
from xlite.judging.examined.examined import attempt
from xlite.judging.examined.table import ExaminedLabels, ExaminedTable
from xlite.labels import NIH_LABELS
from xlite.places import SPLIT_RECORD
from xlite.results.split import SplitRecord
from xlite.splitting.official_lists import read_image_list
from xlite.splitting.split_record import files_format

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from xlite.tables.table_format import TableFormat

PART_FILES = {
    "train": ("train.csv", "training.csv", "train.csv.gz"),
    "val": ("val.csv", "valid.csv", "validation.csv", "dev.csv", "val.csv.gz", "valid.csv.gz"),
    "test": ("test.csv", "test.csv.gz"),
}
"""What the parts of a split are called by various authors, the usual name first."""


def is_split(folder: Path) -> bool:
    """Whether a folder holds a training part, and another part or xlite's record."""
    found = find_part_files(folder)
    return "train" in found and (len(found) > 1 or (folder / SPLIT_RECORD).is_file())


def find_part_files(folder: Path) -> dict[str, Path]:
    """The files of the parts that a folder has, by the part's name."""
    found = {}
    for part, names in PART_FILES.items():
        paths = [folder / name for name in names if os.path.lexists(folder / name)]
        if paths:
            found[part] = paths[0]
    return found


@dataclass(frozen=True, eq=False)
class ExaminedSplit(ExaminedLabels):
    """The parts of a split, their record, and what lies beside it."""

    kind: ClassVar[str] = "split"

    path: Path
    layout: TableFormat | None = None
    """Which columns hold what, where xlite has not made the split."""
    source: ExaminedTable | None = None
    """The label table that it was made from, as far as that is known."""
    cache_dir: Path | None = None
    """A complete CLAHE cache of its images."""
    images_dir: Path | None = None
    """The folder of its images."""
    test_list: Path | None = None
    """A list of official test images."""
    is_held_to_list: bool = False
    """Whether somebody says that the test part is that list, and not only that it lies here."""

    @property
    def place(self) -> str:
        """Its folder."""
        return str(self.path)

    def read_all(self) -> Iterable[object]:
        """The record, and what each part holds."""
        yield from attempt(self, "record", "test_names", "cache")
        try:
            parts = self.parts
        except InputError as error:
            yield error
            return
        for part in parts.values():
            yield from part.read_all()

    @cached_property
    def record(self) -> SplitRecord | None:
        """What xlite says of it; None for a split of anyone else's."""
        path = self.path / SPLIT_RECORD
        if not os.path.lexists(path):
            return None
        return SplitRecord.read(path, remedy="Restore it, or make the split again.")

    @cached_property
    def files(self) -> dict[str, Path]:
        """The file of each part."""
        return find_part_files(self.path)

    @cached_property
    def sha256(self) -> dict[str, str]:
        """The SHA-256 of each part's file."""
        return {name: sha256_of_file(path) for name, path in self.files.items()}

    def is_split_of(self, sha256: Mapping[str, str]) -> bool:
        """Whether its files have these sums; not where one of them can't be read."""
        try:
            return self.sha256 == sha256
        except InputError:
            return False

    @cached_property
    def parts(self) -> dict[str, ExaminedTable]:
        """The parts by name: train, val, test, those that are there."""
        record = self.record
        layout = self.layout if record is None else files_format(record)
        is_guarded = record is not None and record.is_guarded
        return {name: ExaminedTable(path, layout, is_guarded) for name, path in self.files.items()}

    @property
    def label_tables(self) -> tuple[ExaminedTable, ...]:
        """The parts."""
        return tuple(self.parts.values())

    @cached_property
    def vocabulary(self) -> tuple[str, ...]:
        """The C labels of all parts together."""
        if self.record is not None:
            return self.record.labels
        found = dict.fromkeys(name for part in self.parts.values() for name in part.vocabulary)
        if set(found) <= set(NIH_LABELS):
            return tuple(name for name in NIH_LABELS if name in found)
        return tuple(found)

    def labels(self, part: str) -> NDArray[np.int8]:
        """(N, C) of a part, for the vocabulary of all."""
        return self.parts[part].labels_of(self.vocabulary)

    @cached_property
    def cache(self) -> ClaheCache | None:
        """The cache of its images, open."""
        return None if self.cache_dir is None else ClaheCache.open(self.cache_dir)

    @cached_property
    def test_names(self) -> list[str] | None:
        """The images of the official test list; None where none is known."""
        return None if self.test_list is None else read_image_list(self.test_list)
