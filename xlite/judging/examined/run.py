"""A run as the doctor looks at it: its folder, and the split that it was trained on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from xlite.judging.examined.examined import Examined, attempt
from xlite.judging.examined.predictions import ExaminedPredictions
from xlite.judging.examined.split import ExaminedSplit
from xlite.places import VALIDATION
from xlite.run_folder.folder import RunFolder

if TYPE_CHECKING:
    from xlite.settings import TrainSettings

_JUDGED = ("val", "test")


@dataclass(frozen=True, eq=False)
class ExaminedRun(Examined):
    """A run folder; settings, history, sittings and scores are those of `RunFolder`."""

    kind: ClassVar[str] = "run"

    folder: RunFolder
    split: ExaminedSplit | None = None
    """The split that it was trained on, where that is at hand: its files have the same sums."""

    @property
    def place(self) -> str:
        """Its folder."""
        return str(self.folder.path)

    def read_all(self) -> Iterable[object]:
        """Its records, and whether predictions are those that it wrote."""
        yield from attempt(self.folder, "config", "settings", "sittings", "scores", "history")
        yield from attempt(self, "predictions")

    @property
    def settings(self) -> TrainSettings:
        """What it was trained with."""
        return self.folder.settings

    @cached_property
    def predictions(self) -> dict[str, ExaminedPredictions]:
        """What it says of the parts that it has predictions of; none while it is unfinished.

        Raises InputError for files that are not the ones it wrote.
        """
        if not self.folder.is_finished:
            return {}
        found: dict[str, ExaminedPredictions] = {}
        for part in _JUDGED:
            if not self.folder.has_predictions(part):
                continue
            path: Path = self.folder.find_predictions(part)
            found[part] = ExaminedPredictions(
                path,
                self.split,
                part,
                said_labels=self.folder.labels,
                said_images=self.folder.data.images.get(part),
            )
        if not found and self.folder.scores is not None and self.folder.scores.val is not None:
            self.folder.find_predictions(VALIDATION)
        return found
