"""Any column of a label table, as text an image: view, site, scanner, year."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from xlite.errors import InputError, did_you_mean
from xlite.tables.csv_table import CsvTable, frame_as_csv, open_csv, show
from xlite.tables.manifest import FURTHER_COLS
from xlite.tables.read_labels import LabelSource

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from xlite.tables.manifest import Manifest

KNOWN = ("view", "age", "sex")
"""What a manifest says of an image, whatever the table's columns are called."""


def read_column(
    labels: LabelSource | ArrayLike, name: str, manifest: Manifest, *, option: str
) -> NDArray[Any]:
    """The (N,) cells of a column as text, in the order of the manifest that was made of `labels`.

    name: a column of the table, or "view", "age" (in years) or "sex", which a manifest knows by
    these names, and, of a source's tables, those of "site", "date", "source" and "part" that it
    has; a column that is called so itself goes first. "" where a cell is empty. Raises InputError,
    which names `option`, for a column that is not there or empty in every row.
    """
    # A source's rows are folded, joined or left out, so that its columns are no longer an image's.
    table = None if manifest.dataset else _open_table(labels)
    known = (*KNOWN, *(name for name in FURTHER_COLS if name in manifest.table))
    header = () if table is None else table.header
    if table is not None and name in header:
        table.require_columns([name], remedies={})
        cells = table.take([name])[name].to_numpy(dtype=object)
        if manifest.source_rows is not None:
            cells = cells[manifest.source_rows]
        if len(cells) != len(manifest):
            raise InputError(f"{table.path} was changed while it was read. Run the command again.")
    elif name in known:
        cells = manifest.table[name].map(_write_cell).to_numpy(dtype=object)
    else:
        names = (*known, *header)
        raise InputError(
            f"{option} {show(name)[1:-1]}: there is no such column.{did_you_mean(name, names)} "
            f"There are: {', '.join(known)}"
            + (f", {table.name_columns()}." if table is not None else ".")
        )
    if not any(cells):
        raise InputError(f"{option} {name}: the column is empty for every image. Name another.")
    return cells


def _open_table(labels: LabelSource | ArrayLike) -> CsvTable | None:
    """The table with all of its columns; None for what has no more than a manifest or an array."""
    if isinstance(labels, pd.DataFrame):
        return frame_as_csv(labels)
    return open_csv(Path(labels), what="label table") if isinstance(labels, str | Path) else None


def _write_cell(value: Any) -> str:
    if isinstance(value, float | np.floating):
        return "" if np.isnan(value) else f"{value:g}"
    return str(value)
