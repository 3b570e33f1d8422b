"""Predictions as the doctor looks at them: anyone's CSV, and what is true of its images.

N images of the file, C labels.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from xlite.errors import InputError
from xlite.ids import AMBIGUOUS, NO_MATCH, match_image_names
from xlite.judging.examined.examined import Examined, attempt
from xlite.judging.examined.split import ExaminedSplit
from xlite.judging.examined.table import ExaminedTable
from xlite.judging.predictions_file import PROB_PREFIX, PredictionsFile, read_predictions_file
from xlite.labels import UNKNOWN
from xlite.tables.csv_table import open_csv

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class ExaminedPredictions(Examined):
    """A file of predictions, with the split or the label table of its images where one is known."""

    kind: ClassVar[str] = "predictions"

    path: Path
    split: ExaminedSplit | None = None
    part: str | None = None
    """Which part of the split it is said to be of; None where nobody says so."""
    table: ExaminedTable | None = None
    """The label table of its images, where there is no split."""
    said_labels: tuple[str, ...] = ()
    """Its labels where its maker says so, as a run does."""
    said_images: int | None = None
    """How many images it has to have, where its maker says so."""

    @property
    def place(self) -> str:
        """Its file."""
        return str(self.path)

    def read_all(self) -> Iterable[object]:
        """The file alone: split and table are looked at for themselves."""
        yield from attempt(self, "file")

    @cached_property
    def file(self) -> PredictionsFile:
        """Names, probs and labels; InputError where `read_predictions_file` raises it."""
        return read_predictions_file(self.path, self._vocabulary)

    @property
    def vocabulary(self) -> tuple[str, ...]:
        """The C labels that it has a column for."""
        return self.file.vocabulary

    @property
    def probs(self) -> NDArray[np.float64]:
        """(N, C) in [0, 1]."""
        return self.file.probs

    @property
    def _vocabulary(self) -> tuple[str, ...]:
        """The labels to look for: those of the images, else those that the columns name."""
        if self.said_labels:
            return self.said_labels
        if self.split is not None:
            return self.split.vocabulary
        if self.table is not None:
            return self.table.vocabulary
        header = open_csv(self.path, remedy="Pass a CSV.").header
        prefixed = [name for name in header if name.lower().startswith(PROB_PREFIX)]
        if not prefixed:
            raise InputError(
                f"{self.path} has no column prob_<label>, so that its labels are not known. Pass "
                "--labels CSV or --split DIR of its images."
            )
        return tuple(name[len(PROB_PREFIX) :] for name in prefixed)

    @cached_property
    def rows_by_part(self) -> dict[str, NDArray[np.intp]]:
        """(N,) row of each image in each part of the split, below 0 where it is not of that part.

        With a label table instead of a split, there is one part, "labels".
        """
        if self.split is not None:
            tables = self.split.parts
        else:
            tables = {} if self.table is None else {"labels": self.table}
        return {
            name: match_image_names(self.file.names, table.image_ids)
            for name, table in tables.items()
        }

    @cached_property
    def main_part(self) -> str | None:
        """The part that it is said to be of, else the one that most of its images are of."""
        rows = self.rows_by_part
        if self.part in rows:
            return self.part
        counts = {name: int(np.sum(found >= 0)) for name, found in rows.items()}
        best = max(counts, key=lambda name: counts[name], default=None)
        return best if best is not None and counts[best] else None

    @cached_property
    def truth(self) -> NDArray[np.int8] | None:
        """(N, C) what is true of its images, -1 where it is not known; None without any labels."""
        if not self.rows_by_part:
            return None
        truth = np.full(self.probs.shape, UNKNOWN, dtype=np.int8)
        for name, rows in self.rows_by_part.items():
            labels = self.table_of(name).labels_of(self.vocabulary)
            is_there = (rows != NO_MATCH) & (rows != AMBIGUOUS)
            truth[is_there] = labels[rows[is_there]]
        return truth

    def table_of(self, part: str) -> ExaminedTable:
        """The label table of a part of `rows_by_part`."""
        if self.split is not None:
            return self.split.parts[part]
        assert self.table is not None, "there are parts only where there are tables"
        return self.table
