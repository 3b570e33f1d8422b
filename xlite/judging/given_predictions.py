"""What a caller gives to be judged: a run, tables that name their images, or arrays."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pandas as pd

from xlite import places
from xlite.errors import InputError
from xlite.judging.array_predictions import read_judged_arrays
from xlite.judging.judged_folds import read_judged_fold_table, read_judged_folds
from xlite.judging.judged_predictions import (
    JudgedPredictions,
    add_columns,
    read_judged_run,
    read_judged_site,
    read_judged_table,
)
from xlite.judging.labelled_predictions import GROUP_COLUMNS
from xlite.judging.other_site import OtherFilms
from xlite.judging.predictions_file import PredictionSource
from xlite.splitting.checked_split import table_format_of
from xlite.splitting.folds_folder import is_folds, read_folds
from xlite.tables.manifest import Manifest
from xlite.tables.read_labels import LabelSource
from xlite.tables.table_files import is_files
from xlite.tables.table_format import TableFormat

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

_PARTS = ("val", "test")

Columns = Sequence[str] | Mapping[str, Iterable[Any]]
"""What images are grouped by: names of columns, or, for arrays, (N,) each by name."""


@dataclass(frozen=True, eq=False)
class GivenPredictions:
    """A run or predictions, with what is needed to find their labels."""

    run: Path | None = None
    predictions: PredictionSource | ArrayLike | None = None
    labels: LabelSource | ArrayLike | None = None
    patients: ArrayLike | None = None
    """(N,) ids, for arrays."""
    table_format: TableFormat | None = None
    """Which columns of a label table hold what; None where they are NIH's."""
    allow_partial: bool = False
    """Whether tables may lack images or labels of each other."""
    split_dir: Path | None = None
    part: str | None = None
    films: OtherFilms | None = None
    """Where the run is judged on another site's films; `part` is then that of its own."""

    def check(self) -> None:
        """Raise InputError for what does not fit together, without reading any file."""
        if self.part is not None and self.part not in _PARTS:
            raise InputError(f"--part {self.part}: it has to be val or test.")
        if self.part is not None and self.is_over_folds:
            raise InputError(
                f"--part {self.part}: over folds the out-of-fold predictions of all images are "
                f"judged. Leave it out, or pass one fold: --split {self.split_dir}/0."
            )
        if self.films is not None:
            self._check_films()
        elif self.allow_partial and self.predictions is None:
            raise InputError("--allow-partial is for --predictions: a run has all of its images.")
        if (self.run is None) == (self.predictions is None):
            raise InputError(
                "pass either a run's folder, or --predictions CSV with --labels CSV or --split DIR."
            )
        if self._are_arrays and (self.split_dir is not None or self.part is not None):
            raise InputError(
                "images of a split's part are found by their names, which arrays do not have. "
                "Pass a table of predictions with an image column, or labels without a split."
            )
        if self.run is not None and self.patients is not None:
            raise InputError("patients are for arrays: a run's split names them.")

    def _check_films(self) -> None:
        if self.is_over_folds:
            raise InputError(
                "another site is judged by one run, and over folds there are several. Pass one "
                f"fold: --split {self.split_dir}/0."
            )

    def read(self, by: Columns, *, subgroups: bool) -> JudgedPredictions:
        """The predictions beside their labels, with the columns to group by.

        Raises InputError for files and arrays that can't be judged.
        """
        # Mypy can't follow which of the kinds they are.
        predictions, labels = cast("Any", self.predictions), cast("Any", self.labels)
        if self._are_arrays:
            columns = by if isinstance(by, Mapping) else {}
            judged = read_judged_arrays(predictions, labels, self.patients, columns=columns)
        elif isinstance(by, Mapping):
            raise InputError("by holds columns, which go with arrays. Pass names of columns.")
        elif self.run is not None and self.films is not None:
            judged = read_judged_site(self.run, self.split_dir, self.part, self.films)
        elif self.run is not None and self.is_over_folds and self.split_dir is not None:
            judged = read_judged_folds(self.run, self.split_dir, labels)
        elif self.run is not None:
            judged = read_judged_run(self.run, self.split_dir, self.part, labels)
        elif self.is_over_folds and self.split_dir is not None:
            judged = read_judged_fold_table(
                predictions, self.split_dir, labels, allow_partial=self.allow_partial
            )
        else:
            judged = read_judged_table(
                predictions,
                labels,
                table_format=self.table_format,
                split_dir=self.split_dir,
                part=self.part,
                allow_partial=self.allow_partial,
            )
        return add_columns(
            replace(judged, layout=self._layout),
            tuple(by),
            welcome=GROUP_COLUMNS if subgroups else (),
        )

    @property
    def is_over_folds(self) -> bool:
        """Whether the split is a folder of folds."""
        return self.split_dir is not None and is_folds(self.split_dir)

    @property
    def _layout(self) -> TableFormat | None:
        """How the label table is read: as it was for the split, where nothing else is said."""
        is_of_split = self.films is None and (self.run is not None or self.split_dir is not None)
        if self.table_format not in (None, TableFormat()) or not is_of_split:
            return self.table_format
        folder = self.split_dir or places.SPLIT_DIR
        return table_format_of(read_folds(folder).splits[0] if is_folds(folder) else folder)

    @property
    def _image_column(self) -> str:
        return (self.table_format or TableFormat()).image_col

    @property
    def _are_arrays(self) -> bool:
        """Whether predictions and labels are of the same images row by row."""
        if self.predictions is None or self.patients is not None:
            return self.predictions is not None
        if not isinstance(self.predictions, str | Path | pd.DataFrame):
            return True
        if isinstance(self.labels, pd.DataFrame):
            return self._image_column not in self.labels
        is_table = self.labels is None or isinstance(self.labels, Manifest)
        return not (is_table or is_files(self.labels))
