"""A bundle unpacked: the splits, runs and predictions that all its numbers are recomputed from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from xlite.errors import InputError
from xlite.judging.evaluation import Resampling
from xlite.judging.floor_question import ask_floor
from xlite.judging.labelled_predictions import LabelledPredictions, read_run_predictions
from xlite.judging.paired_differences import JudgedMethods
from xlite.places import VALIDATION
from xlite.proving import layout
from xlite.proving.bundled_study import BundledStudy
from xlite.run_folder.file_names import RUNS
from xlite.run_folder.folder import RunFolder
from xlite.run_folder.listing import find_run_folders
from xlite.splitting.split_folder import Split, read_split

if TYPE_CHECKING:
    from xlite.judging.judged_predictions import JudgedPredictions
    from xlite.judging.shortcut_floor import FloorQuestion


@dataclass(frozen=True)
class BundledProject:
    """The folder of an unpacked bundle; files are read when they are asked for, and once."""

    root: Path

    @cached_property
    def runs(self) -> dict[str, RunFolder]:
        """The runs by name."""
        found = find_run_folders(layout.experiments_dir(self.root) / RUNS)
        return {run.name: run for run in found}

    @cached_property
    def splits(self) -> dict[str, Split]:
        """The splits by the path of their folder in the bundle."""
        folders = sorted((self.root / layout.SPLITS).glob("*/"), key=lambda path: path.name)
        return {path.relative_to(self.root).as_posix(): read_split(path) for path in folders}

    @cached_property
    def _labelled(self) -> dict[tuple[str, str], LabelledPredictions]:
        return {}

    @cached_property
    def _floors(self) -> list[tuple[JudgedPredictions, FloorQuestion]]:
        return []

    def ask_floor(self, judged: JudgedPredictions) -> FloorQuestion:
        """What the columns of a split say of a part; the same question for the same images."""
        for known, asked in self._floors:
            is_same = known.split is judged.split and known.part == judged.part
            if is_same and np.array_equal(known.labelled.image_ids, judged.labelled.image_ids):
                return asked
        self._floors.append((judged, ask_floor(judged)))
        return self._floors[-1][1]

    @cached_property
    def judged(self) -> dict[tuple[str, Resampling], JudgedMethods]:
        """Runs that were judged on validation already, each by itself."""
        return {}

    @cached_property
    def _studies(self) -> dict[Path, BundledStudy]:
        return {}

    def study(self, path: Path) -> BundledStudy:
        """The study in a folder of the bundle."""
        if path not in self._studies:
            self._studies[path] = BundledStudy(path)
        return self._studies[path]

    def run(self, name: str) -> RunFolder:
        """A run by its name; InputError where the bundle has none of that name."""
        if name not in self.runs:
            raise InputError(f"the bundle has no run {name}")
        return self.runs[name]

    def split_of(self, run: RunFolder) -> Split:
        """The split that a run was trained on; InputError where it is none of the bundle's."""
        for split in self.splits.values():
            if split.sha256 == run.data.split_sha256:
                return split
        raise InputError(f"the tables that {run.name} was trained on are not in the bundle")

    def labelled(self, name: str, part: str = VALIDATION) -> LabelledPredictions:
        """What a run says of a part, beside its labels; InputError as reading it raises."""
        key = (name, part)
        if key not in self._labelled:
            run = self.run(name)
            self._labelled[key] = read_run_predictions(run.path, part, self.split_of(run))
        return self._labelled[key]
