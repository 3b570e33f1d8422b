"""Boxes that readers drew: a row a box, in pixels of the image as it is published."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from xlite.tables.sources.source import BoxColumns, TableSource

COLUMNS = ("image_id", "label", "x", "y", "width", "height", "reader")
"""Of a table of boxes: text, but for the left, the top and the two sides."""


def read_boxes(source: TableSource, frames: Mapping[str, Sequence[pd.DataFrame]]) -> pd.DataFrame:
    """A row a box with `COLUMNS`; none where the source has no boxes, or none was given.

    reader: "" where it is not said. Rows of an image without a box are left out.
    """
    columns = source.boxes
    tables = frames.get(columns.role, ()) if columns is not None else ()
    if columns is None or not tables:
        return pd.DataFrame({name: [] for name in COLUMNS})
    return take_boxes(pd.concat(tables), columns, reader=source.reader)


def take_boxes(cells: pd.DataFrame, columns: BoxColumns, *, reader: str | None) -> pd.DataFrame:
    """The same of the cells of one table, whose column `reader`, if any, says who drew a box."""
    numbers = cells[[*columns.corners]].apply(pd.to_numeric, errors="coerce")
    is_box = numbers.notna().all(axis=1).to_numpy()
    cells, numbers = cells[is_box], numbers[is_box]
    left, top, across, down = (numbers[name].to_numpy() for name in columns.corners)
    labels = cells.get(columns.label, columns.label)
    table = pd.DataFrame(
        {
            "image_id": cells[columns.image].to_numpy(dtype=object),
            "label": labels,
            "x": left,
            "y": top,
            "width": across if columns.has_size else across - left,
            "height": down if columns.has_size else down - top,
            "reader": cells.get(reader or "", ""),
        }
    ).reset_index(drop=True)
    return table.assign(label=table["label"].replace(dict(columns.names)))
