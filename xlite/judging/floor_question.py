"""What a floor is fitted on: the parts of a split, a training table, or the judged rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd

from xlite.ids import is_among
from xlite.judging.floor_columns import drop_mute, read_floor_columns
from xlite.judging.labelled_predictions import known_columns
from xlite.judging.shortcut_floor import FloorQuestion, FloorRows
from xlite.labels import UNKNOWN
from xlite.places import VALIDATION
from xlite.tables.columns import ColumnTable, image_column_of, open_table
from xlite.tables.manifest import PATIENT_COL, UNKNOWN_COL
from xlite.tables.sources.image_rows import ImageRows
from xlite.tables.table_format import TableFormat

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xlite.judging.judged_predictions import JudgedPredictions
    from xlite.tables.manifest import Manifest
    from xlite.tables.read_labels import LabelSource

_FITTED_BEFORE = {VALIDATION: ("train",), "test": ("train", VALIDATION)}
"""The parts that a part's floor is fitted on: never the test part."""


@dataclass(frozen=True, eq=False, kw_only=True)
class TrainingTable:
    """The label table of the images that a model was trained on."""

    manifest: Manifest
    source: LabelSource


def ask_floor(
    judged: JudgedPredictions,
    *,
    wanted: tuple[str, ...] = (),
    train: TrainingTable | None = None,
    table_format: TableFormat | None = None,
) -> FloorQuestion:
    """The columns of the judged images, and the rows of other patients that have them, too.

    wanted: columns or their roles; none for all that are known. train: rows to fit on; without them
    the split's parts that come before the judged one, else the judged images, cross-fitted. Raises
    InputError for wanted columns that are not there, or name patients.
    """
    labelled = judged.labelled
    table = _Table.open(judged.table, judged.layout, labelled.vocabulary, wanted)
    found = table.read(labelled.image_ids, labelled.columns)
    columns, left_out = drop_mute(found, labelled.patient_ids)
    fitted = None
    if train is not None:
        is_other = ~is_among(train.manifest.patient_ids.tolist(), labelled.patient_ids.tolist())
        rows, what = train.manifest.select(is_other), "images of other patients in --train"
        other = _Table.open(train.source, table_format, labelled.vocabulary, wanted)
        fitted = other.read_rows(rows, what)
    elif judged.split is not None and judged.part in _FITTED_BEFORE:
        names = [name for name in _FITTED_BEFORE[judged.part] if name in judged.split.parts]
        parts = [judged.split.parts[name] for name in names]
        what = f"images of the split's {' and '.join(names)} part{'s' if len(names) > 1 else ''}"
        fitted = table.read_rows(_join(parts), what)
    if fitted is not None:
        for name in [name for name in columns if name not in fitted.columns]:
            left_out[name] = "not known of the images that the floor is fitted on"
            del columns[name]
    return FloorQuestion(columns=columns, left_out=left_out, fitted=fitted)


@dataclass(frozen=True, eq=False, kw_only=True)
class _Table:
    """A label table, or none, and which of its columns are looked at."""

    table: ColumnTable | None
    image_column: str
    wanted: tuple[str, ...]
    forbidden: tuple[str, ...]
    """Columns that name images or patients, or hold labels."""
    vocabulary: tuple[str, ...]

    @classmethod
    def open(
        cls,
        source: LabelSource | None,
        layout: TableFormat | None,
        vocabulary: tuple[str, ...],
        wanted: tuple[str, ...],
    ) -> Self:
        table, layout = open_table(source, layout), layout or TableFormat()
        image_column = image_column_of(table, layout)
        ids = (image_column, layout.labels_col, layout.patient_col or PATIENT_COL, UNKNOWN_COL)
        labels = table.label_columns if isinstance(table, ImageRows) else layout.label_cols
        return cls(
            table=table,
            image_column=image_column,
            wanted=wanted,
            forbidden=(*ids, *labels, *vocabulary),
            vocabulary=vocabulary,
        )

    def read(
        self, image_ids: NDArray[Any], known: Mapping[str, NDArray[Any]]
    ) -> dict[str, NDArray[Any]]:
        """The columns of N images; see `read_floor_columns`."""
        return read_floor_columns(
            image_ids,
            known,
            self.table,
            image_column=self.image_column,
            wanted=self.wanted,
            forbidden=self.forbidden,
        )

    def read_rows(self, rows: Manifest, what: str) -> FloorRows:
        """The columns and the labels of images that a floor is fitted on."""
        kept, _ = drop_mute(self.read(rows.image_ids, known_columns(rows)), rows.patient_ids)
        targets = np.full((len(rows), len(self.vocabulary)), UNKNOWN, dtype=np.int8)
        for place, label in enumerate(self.vocabulary):
            if label in rows.vocabulary:
                targets[:, place] = rows.labels[:, rows.vocabulary.index(label)]
        return FloorRows(columns=kept, targets=targets, what=f"{len(rows):,} {what}")


def _join(parts: list[Manifest]) -> Manifest:
    """The images of parts that share a vocabulary, as one."""
    first = parts[0]
    return type(first)(
        pd.concat([part.table for part in parts], ignore_index=True),
        np.concatenate([part.labels for part in parts]),
        first.vocabulary,
    )
