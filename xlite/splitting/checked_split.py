"""A split that is read together with the label table that it was made from."""

from __future__ import annotations

from pathlib import Path

from xlite.errors import InputError
from xlite.places import SPLIT_RECORD
from xlite.results.split import SplitRecord
from xlite.splitting.split_folder import Split, read_split
from xlite.splitting.split_record import recall_format
from xlite.tables.label_table import read_manifest
from xlite.tables.table_files import TableFiles, list_files
from xlite.tables.table_format import TableFormat


def read_checked_split(folder: Path, labels: TableFiles | None) -> Split:
    """The split in a folder, checked against the label table, or the files of it, that is named.

    It is read in the format that it had when the split was made. Raises InputError as
    `read_split` and `read_manifest` do.
    """
    if labels is None:
        return read_split(folder)
    record = _read_record(folder)
    table = read_manifest(
        list_files(labels),
        table_format=table_format_of(folder),
        vocabulary=None if record is None else record.labels,
        remedy="Pass as --labels the table that the split was made from.",
    )
    return read_split(folder, table=table)


def table_format_of(folder: Path) -> TableFormat | None:
    """The format of the label table that the split in a folder was made from; None where that is
    not recorded."""
    record = _read_record(folder)
    if record is None or record.table_format is None:
        return None
    return recall_format(record.table_format)


def _read_record(folder: Path) -> SplitRecord | None:
    path = folder / SPLIT_RECORD
    return SplitRecord.read(path, remedy="Run `xlite split` again.") if path.exists() else None


def refuse_columns(table_format: TableFormat | None) -> None:
    """Raise InputError where a format of columns is named beside a split."""
    if table_format not in (None, TableFormat()):
        raise InputError("options of columns belong to --labels: a split has columns of its own.")
