"""A split that is read together with the label table that it was made from."""

from __future__ import annotations

from pathlib import Path

from xlite.errors import InputError
from xlite.places import SPLIT_RECORD
from xlite.results.split import SplitRecord
from xlite.splitting.split_folder import Split, read_split
from xlite.splitting.split_record import recall_format
from xlite.tables.label_table import read_manifest
from xlite.tables.table_format import TableFormat


def read_checked_split(folder: Path, labels: Path | None) -> Split:
    """The split in a folder, checked against the label table when one is named.

    The table is read in the format that it had when the split was made. Raises InputError as
    `read_split` and `read_manifest` do.
    """
    if labels is None:
        return read_split(folder)
    table_format, vocabulary = None, None
    record_path = folder / SPLIT_RECORD
    if record_path.exists():
        record = SplitRecord.read(record_path, remedy="Run `xlite split` again.")
        vocabulary = record.labels
        if record.table_format is not None:
            table_format = recall_format(record.table_format)
    table = read_manifest(
        labels,
        table_format=table_format,
        vocabulary=vocabulary,
        remedy="Pass as --labels the table that the split was made from.",
    )
    return read_split(folder, table=table)


def refuse_columns(table_format: TableFormat | None) -> None:
    """Raise InputError where a format of columns is named beside a split."""
    if table_format not in (None, TableFormat()):
        raise InputError("options of columns belong to --labels: a split has columns of its own.")
