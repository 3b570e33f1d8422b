"""What a floor is fitted on: the parts of a split, a training table, or the judged rows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from xlite.ids import is_among
from xlite.judging.floor_columns import drop_mute, read_floor_columns
from xlite.judging.labelled_predictions import GROUP_COLUMNS
from xlite.judging.shortcut_floor import FloorQuestion, FloorRows
from xlite.labels import UNKNOWN
from xlite.places import VALIDATION
from xlite.tables.csv_table import CsvTable, frame_as_csv, open_csv
from xlite.tables.manifest import PATIENT_COL, UNKNOWN_COL
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
    layout = table_format or TableFormat()
    labelled = judged.labelled
    table = _open(judged.table)
    forbidden = _list_forbidden(layout, labelled.vocabulary)
    read: dict[str, Any] = {
        "image_column": layout.image_col,
        "wanted": wanted,
        "forbidden": forbidden,
    }
    found = read_floor_columns(labelled.image_ids, labelled.columns, table, **read)
    columns, left_out = drop_mute(found, labelled.patient_ids)
    fitted = None
    if train is not None:
        is_other = ~is_among(train.manifest.patient_ids.tolist(), labelled.patient_ids.tolist())
        rows, what = train.manifest.select(is_other), "images of other patients in --train"
        fitted = _read_rows(rows, _open(train.source), labelled.vocabulary, what, read)
    elif judged.split is not None and judged.part in _FITTED_BEFORE:
        names = [name for name in _FITTED_BEFORE[judged.part] if name in judged.split.parts]
        parts = [judged.split.parts[name] for name in names]
        what = f"images of the split's {' and '.join(names)} part{'s' if len(names) > 1 else ''}"
        fitted = _read_rows(_join(parts), table, labelled.vocabulary, what, read)
    if fitted is not None:
        for name in [name for name in columns if name not in fitted.columns]:
            left_out[name] = "not known of the images that the floor is fitted on"
            del columns[name]
    return FloorQuestion(columns=columns, left_out=left_out, fitted=fitted)


def _read_rows(
    rows: Manifest,
    table: CsvTable | None,
    vocabulary: tuple[str, ...],
    what: str,
    read: dict[str, Any],
) -> FloorRows:
    known = {name: rows.table[name].to_numpy() for name in GROUP_COLUMNS}
    columns = read_floor_columns(rows.image_ids, known, table, **read)
    kept, _ = drop_mute(columns, rows.patient_ids)
    targets = np.full((len(rows), len(vocabulary)), UNKNOWN, dtype=np.int8)
    for place, label in enumerate(vocabulary):
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


def _list_forbidden(layout: TableFormat, vocabulary: tuple[str, ...]) -> tuple[str, ...]:
    ids = (layout.image_col, layout.labels_col, layout.patient_col or PATIENT_COL, UNKNOWN_COL)
    return (*ids, *layout.label_cols, *vocabulary)


def _open(source: LabelSource | NDArray[Any] | None) -> CsvTable | None:
    """The table with all of its columns; None where there is none, or no more of it."""
    if isinstance(source, pd.DataFrame):
        return frame_as_csv(source)
    return open_csv(Path(source), what="label table") if isinstance(source, str | Path) else None
