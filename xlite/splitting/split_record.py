"""How `split.json` says that the tables of a split, and the one it was made from, are read."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from xlite.places import SPLIT_PARTS
from xlite.results.split import Layout, RecordedFormat, SplitRecord
from xlite.tables.manifest import Manifest, is_written_as_nih
from xlite.tables.table_files import is_files, list_files, name_files
from xlite.tables.table_format import TableFormat, column_format

SPLIT_REMEDY = "Run `xlite split` first, or pass --split DIR."


def layout_of(manifest: Manifest) -> Layout:
    """How `write_manifest` stores the labels of a manifest."""
    return "nih" if is_written_as_nih(manifest) else "columns"


def files_format(record: SplitRecord) -> TableFormat:
    """The format of the split's own files."""
    if record.layout == "nih":
        return TableFormat()
    return column_format(record.labels, blank=record.blank)


def part_names(record: SplitRecord) -> tuple[str, ...]:
    """The parts that a split has: one that was made with `--no-val` has none for validation."""
    is_without_val = bool(record.parts) and "val" not in record.parts
    return tuple(name for name in SPLIT_PARTS if name != "val" or not is_without_val)


def describe_source(labels: object, table_format: TableFormat) -> dict[str, Any]:
    """What a record says of the labels that it was made from: nothing where they are no file."""
    if not is_files(labels):
        return {"source": None, "table_format": None}
    return {"source": name_files(labels), "table_format": record_format(table_format)}


def find_files(*given: object) -> list[Path]:
    """Those of what a split is made from that are files."""
    return [path for one in given if is_files(one) for path in list_files(one)]


def record_format(table_format: TableFormat) -> RecordedFormat:
    """The format of a label table as `split.json` keeps it."""
    values = asdict(table_format)
    paths = {name: str(one) for name, one in values.items() if isinstance(one, Path)}
    return RecordedFormat(**{**values, **paths})


def recall_format(recorded: RecordedFormat) -> TableFormat:
    """The same as `read_manifest` takes it."""
    values = asdict(recorded)
    paths = {name: Path(values[name]) for name in ("dicom", "hash_ids") if values[name]}
    return TableFormat(**{**values, **paths})
