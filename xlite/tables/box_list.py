"""A list of boxes that readers drew, of any source that has some, or of plain columns."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from xlite.errors import InputError
from xlite.tables.csv_table import CsvTable, frame_as_csv, open_csv, show
from xlite.tables.sources.boxes import COLUMNS, take_boxes
from xlite.tables.sources.registry import SOURCES
from xlite.tables.sources.source import BoxColumns, TableSource

_SIDES = ("x", "y", "width", "height")
_PLAIN = BoxColumns(image="image_id", label="label", corners=_SIDES)
_REMEDY = (
    "Pass NIH's BBox_List_2017.csv, or a table with the columns image_id, label, "
    f"{', '.join(_SIDES)}"
)


def read_box_list(boxes: str | Path | pd.DataFrame) -> pd.DataFrame:
    """A row a box with the columns of `COLUMNS`, in pixels of the image as it is published.

    boxes: NIH's list of boxes, VinDr-CXR's or VinBigData's annotations, RSNA's labels, or a table
    with the columns image_id, label, x, y, width, height, and reader if it is known: a CSV file or
    a data frame. Rows of images without a box are left out.

    Raises InputError, naming the row, for a box that is no rectangle, and for any other table.
    """
    if isinstance(boxes, pd.DataFrame):
        table = frame_as_csv(boxes)
    else:
        table = open_csv(Path(boxes), what="list of boxes", remedy=f"{_REMEDY}.")
    source = _recognise(table)
    if source is None:
        return _read_plain(table)
    columns = source.boxes
    assert columns is not None, "only sources with boxes are recognised"
    names = [columns.image, *columns.corners]
    names += [name for name in (columns.label, source.reader) if name in table.header]
    cells = table.take(list(dict.fromkeys(name for name in names if name)))
    _check_corners(table, cells, columns.corners, has_size=columns.has_size)
    return _require_some(table, take_boxes(cells, columns, reader=source.reader))


def _recognise(table: CsvTable) -> TableSource | None:
    """The source of whose boxes a table is, of several the one that asks for most columns."""

    def needed(source: TableSource) -> set[str]:
        columns = source.boxes
        if columns is None:
            return set()
        file = next(one for one in source.files if one.role == columns.role)
        return {columns.image, *columns.corners, *file.columns}

    found = [one for one in SOURCES.values() if one.boxes and needed(one) <= {*table.header}]
    return max(found, key=lambda source: len(needed(source)), default=None)


def _read_plain(table: CsvTable) -> pd.DataFrame:
    absent = [name for name in COLUMNS[:-1] if name not in table.header]
    if absent:
        raise InputError(
            f"{table.path} is no list of boxes: it has no column {absent[0]!r}; it has: "
            f"{table.name_columns()}. {_REMEDY}."
        )
    cells = table.take([name for name in COLUMNS if name in table.header], is_guarded=True)
    _check_corners(table, cells, _SIDES, has_size=True)
    return _require_some(table, take_boxes(cells, _PLAIN, reader="reader"))


def _check_corners(
    table: CsvTable, cells: pd.DataFrame, corners: tuple[str, ...], *, has_size: bool
) -> None:
    """Raise InputError for a row whose corners are no numbers, or no rectangle's."""
    texts = cells[[*corners]]
    numbers = texts.apply(pd.to_numeric, errors="coerce").to_numpy(dtype=np.float64)
    is_blank = texts.apply(lambda column: column.str.lower().isin(("", "nan"))).all(axis=1)
    is_wrong = ~np.isfinite(numbers).all(axis=1)
    left, top, across, down = numbers.T
    with np.errstate(invalid="ignore"):
        is_flat = (across <= 0) | (down <= 0) if has_size else (across <= left) | (down <= top)
    wrong = np.flatnonzero((is_wrong | is_flat) & ~is_blank.to_numpy())
    if len(wrong):
        row = wrong[0]
        what = "is not four numbers" if is_wrong[row] else "has no area"
        raise InputError(
            f"{table.path}: row {cells.index[row]}: the box "
            f"{show(', '.join(texts.iloc[row]))} {what} ({', '.join(corners)}). Correct the row, "
            "or leave it out."
        )


def _require_some(table: CsvTable, boxes: pd.DataFrame) -> pd.DataFrame:
    if boxes.empty:
        raise InputError(f"{table.path} has no box. {_REMEDY}.")
    return boxes
