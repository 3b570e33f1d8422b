"""The images by which a plan's scores are judged: how many, with which labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from xlite.errors import InputError
from xlite.splitting.checked_split import read_checked_split
from xlite.splitting.folds_folder import is_folds, read_folds
from xlite.studies.plan_noise import JudgedImages
from xlite.studies.plan_tables import Faults
from xlite.studies.study_plan import ScoreName, StudyPlan
from xlite.tables.manifest import Manifest


class ImagesOfPlan:
    """The parts of the splits that a plan names, each read once; what is wrong is a fault."""

    def __init__(self, plan: StudyPlan, faults: Faults) -> None:
        """Nothing is read yet."""
        self._plan, self._faults = plan, faults
        self._read: dict[tuple[Path, str], JudgedImages | None] = {}

    @property
    def num_labels(self) -> int:
        """The labels of what has been read."""
        return max((len(one.labels) for one in self._read.values() if one), default=0)

    @property
    def num_judged(self) -> int:
        """The most images of a part that has been read."""
        return max((one.images for one in self._read.values() if one), default=0)

    def judged(self, split: Path, score: ScoreName) -> JudgedImages | None:
        """The images by which a score is judged on a split; None where they can't be read."""
        key = (split, score.part)
        if key not in self._read:
            self._read[key] = None
            with self._faults.kept():
                self._read[key] = self._count(split, score.part)
        return self._read[key]

    def _count(self, split: Path, part: str) -> JudgedImages:
        labels = self._plan.labels
        if not is_folds(split):
            if part == "oof":
                raise InputError(
                    f"{split} is a single split, and oof scores are of folds. Name a val score, or "
                    f"make folds: `xlite split --folds 5`."
                )
            found = read_checked_split(split, labels)
            return _describe(f"the {part} part of {split}", [found.require_part(part)])
        folds = read_folds(split).repeats[0]
        if part == "val":
            found = read_checked_split(folds[0], labels)
            return _describe(f"the val part of a fold of {split}", [found.require_part("val")])
        parts = [read_checked_split(fold, labels).require_part("test") for fold in folds]
        return _describe(f"the folds of {split}, pooled,", parts)


def _describe(where: str, parts: list[Manifest]) -> JudgedImages:
    labels = np.concatenate([part.labels for part in parts])
    patients = np.concatenate([part.patient_ids for part in parts])
    return JudgedImages(
        where=where,
        labels=parts[0].vocabulary,
        positives=tuple(map(int, (labels == 1).sum(axis=0))),
        negatives=tuple(map(int, (labels == 0).sum(axis=0))),
        images=len(labels),
        patients=len(set(patients)),
    )
