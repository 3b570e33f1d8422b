"""Which source a label table is read as, and what a format says of its reading."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from xlite.errors import InputError
from xlite.tables.csv_table import CsvTable, open_csv
from xlite.tables.dicom_headers import fill_from_headers
from xlite.tables.manifest import Manifest
from xlite.tables.mapped_manifest import map_manifest
from xlite.tables.sources.files import gather_tables
from xlite.tables.sources.nih import NIH
from xlite.tables.sources.reading import SourceReading, read_source
from xlite.tables.sources.registry import find_source, recognise_source
from xlite.tables.sources.source import TableSource, TextLabels
from xlite.tables.table_format import TableFormat


def choose_source(layout: TableFormat, table: CsvTable | None = None) -> TableSource | None:
    """The source that is named, or whose header `table` has; None for a table that columns tell.

    NIH's tables are told by the columns of a format that says nothing. Raises InputError for a
    name that there is not, and for options of columns beside a source.
    """
    if layout.dataset is not None:
        source = find_source(layout.dataset)
        if source is not None and layout.names_columns:
            raise InputError(
                f"--dataset {layout.dataset} says what the columns hold. Leave out the options of "
                "columns, or --dataset."
            )
        return source
    if table is None:
        return None
    source = recognise_source(table.header)
    if source is not None and layout.names_columns:
        labels = source.labels
        if isinstance(labels, TextLabels) and labels.is_list and labels.column == layout.labels_col:
            raise InputError(
                f"{table.path} is {source.title}'s, whose {labels.column} are lists in a text. "
                f"Pass --dataset {source.name}, without options of columns."
            )
        return None
    return None if source is NIH else source


def choose_source_of(
    files: Sequence[Path], layout: TableFormat
) -> tuple[TableSource, list[Path | CsvTable]]:
    """The source that several files are of, and the files: named, or by the header of one of them.

    The one whose header says it is opened. Raises InputError where none does, and as
    `choose_source`.
    """
    source, given = choose_source(layout), list[Path | CsvTable](files)
    is_told = layout.dataset is not None or layout.names_columns
    for place, path in enumerate(() if is_told else files):
        if source is None and not path.is_dir():
            table = open_csv(path, what="label table", remedy="Name a CSV file.")
            source = recognise_source(table.header)
            given[place] = path if source is None else table
    if source is None:
        raise InputError(
            f"{files[0]} and {files[1]} are of no source that is known, and can't be read as one "
            "table. Name one table, or the source with --dataset NAME; tables of several sources "
            "are joined by `xlite tables merge`."
        )
    return source, given


def read_as_source(
    source: TableSource, given: Sequence[Path | CsvTable], layout: TableFormat
) -> tuple[SourceReading, Manifest]:
    """What was understood of a source's files, and its images, with their DICOM headers' word and
    in the labels of a map where the format says so. See `read_source`."""
    tables = gather_tables(source, given)
    reading = read_source(tables, blank=layout.blank, fold_rows=layout.fold_rows)
    manifest = fill_from_headers(
        reading.manifest, layout.dicom, has_patients=source.patient is not None
    )
    mapped = map_manifest(manifest, layout.label_map, names_what_occurs=source.names_what_occurs)
    return reading, mapped
