"""Any column of a label table, as text an image: view, site, scanner, year."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from xlite.errors import InputError, did_you_mean
from xlite.tables.chosen_source import choose_source, choose_source_of
from xlite.tables.csv_table import CsvTable, frame_as_csv, open_csv, show
from xlite.tables.manifest import FURTHER_COLS
from xlite.tables.read_labels import LabelSource
from xlite.tables.sources.files import gather_tables
from xlite.tables.sources.image_rows import IMAGE, ImageRows
from xlite.tables.sources.registry import GENERIC
from xlite.tables.table_files import is_files, list_files
from xlite.tables.table_format import TableFormat

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from xlite.tables.manifest import Manifest

KNOWN = ("view", "age", "sex")
"""What a manifest says of an image, whatever the table's columns are called."""

ColumnTable = CsvTable | ImageRows
"""A label table with all of its columns."""


def open_table(
    labels: LabelSource | ArrayLike | None, layout: TableFormat | None
) -> ColumnTable | None:
    """The label table with all of its columns; None for what has no more than a manifest or an
    array. A source's tables, which `layout` names or whose header they have, have a row an image.
    """
    layout = layout or TableFormat()
    if isinstance(labels, pd.DataFrame):
        opened = frame_as_csv(labels)
        source = choose_source(layout, opened)
        return opened if source is None else ImageRows(gather_tables(source, [opened]))
    if not is_files(labels):
        return None
    path, *others = list_files(labels)
    if others:
        return ImageRows(gather_tables(*choose_source_of([path, *others], layout)))
    source = choose_source(layout)
    if source is not None:
        return ImageRows(gather_tables(source, [path]))
    opened = open_csv(path, what="label table")
    source = choose_source(layout, opened)
    return opened if source is None else ImageRows(gather_tables(source, [opened]))


def image_column_of(table: ColumnTable | None, layout: TableFormat | None) -> str:
    """The column that names the images of a table which was opened so."""
    return IMAGE if isinstance(table, ImageRows) else (layout or TableFormat()).image_col


def read_column(
    labels: LabelSource | ArrayLike, name: str, manifest: Manifest, *, option: str
) -> NDArray[Any]:
    """The (N,) cells of a column as text, in the order of the manifest that was made of `labels`.

    name: a column of the table, or "view", "age" (in years) or "sex", which a manifest knows by
    these names, and those of "site", "date", "source" and "part" that it has; of a plain table, a
    column that is called so itself goes first. "" where a cell is empty. Raises InputError, which
    names `option`, for a column that is not there, that differs between the rows of an image, or is
    empty in every row.
    """
    known = (*KNOWN, *(column for column in FURTHER_COLS if column in manifest.table))
    table = None
    # A source's tables may be an archive or a tree of films: not opened again for what is known.
    if manifest.dataset is None or name not in known:
        table = open_table(labels, TableFormat(dataset=manifest.dataset or GENERIC))
    header = () if table is None else table.header
    if name in known and name not in header:
        cells = manifest.table[name].map(_write_cell).to_numpy(dtype=object)
    elif table is not None and name in header:
        cells = _take_cells(table, name, manifest)
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


def _take_cells(table: ColumnTable, name: str, manifest: Manifest) -> NDArray[Any]:
    """(N,) the cells of the manifest's images."""
    table.require_columns([name], remedies={})
    if isinstance(table, ImageRows):
        found = table.take([IMAGE, name]).set_index(IMAGE)[name]
        # Rows of a source are folded, joined or left out: an image is found by its name.
        cells = found.reindex(manifest.image_ids).to_numpy(dtype=object)
        is_whole = bool(pd.Index(manifest.image_ids).isin(found.index).all())
    else:
        cells = table.take([name])[name].to_numpy(dtype=object)
        if manifest.source_rows is not None:
            cells = cells[manifest.source_rows]
        is_whole = len(cells) == len(manifest)
    if not is_whole:
        raise InputError(f"{table.path} was changed while it was read. Run the command again.")
    return cells


def _write_cell(value: Any) -> str:
    if isinstance(value, float | np.floating):
        return "" if np.isnan(value) else f"{value:g}"
    return str(value)
