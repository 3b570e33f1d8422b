"""A list of data sets (TOML): each table with what it is called, how it is read, and its images.

    [[table]]
    source = "nih"
    labels = "nih/Data_Entry_2017.csv"
    map = "nih-to-chexpert"
    images = "nih/images"

Paths are relative to the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xlite.errors import InputError
from xlite.tables.label_map_file import read_toml, require_keys
from xlite.tables.table_format import TableFormat

_FORMAT_TEXTS = ("dataset", "image_col", "labels_col", "separator", "patient_col")
_FORMAT_LISTS = ("label_cols", "vocabulary")
_FORMAT_CHOICES = {"blank": ("unknown", "absent"), "fold_rows": ("majority", "any", "all")}
_KEYS = ("source", "labels", "images", "map", *_FORMAT_TEXTS, *_FORMAT_LISTS, *_FORMAT_CHOICES)


@dataclass(frozen=True, kw_only=True)
class ListedSet:
    """A data set as the list has it."""

    source: str
    labels: tuple[Path, ...]
    """Its table, or its tables where it has several."""
    table_format: TableFormat
    images: Path | None
    """The folder that holds its images; None where the list does not say."""


def is_set_list(path: Path) -> bool:
    """Whether a path is meant as a list of data sets, and not as a folder."""
    return path.suffix == ".toml"


def read_set_list(path: Path) -> tuple[ListedSet, ...]:
    """The data sets in a list; InputError, which says where, for what is wrong with it."""
    values = read_toml(path, what="list of data sets")
    require_keys(values, ("table",), str(path))
    rows = values.get("table")
    if not isinstance(rows, list) or not rows:
        raise InputError(f"{path} has no [[table]]. Write one for each data set.")
    sets = tuple(
        _read_set(row, f"{path}: table {number}", path.parent)
        for number, row in enumerate(rows, start=1)
    )
    names = [one.source for one in sets]
    repeated = next((name for name in names if names.count(name) > 1), None)
    if repeated is not None:
        raise InputError(f"{path}: two tables have the source {repeated!r}. Call them differently.")
    return sets


def _read_set(row: Any, where: str, folder: Path) -> ListedSet:
    if not isinstance(row, dict):
        raise InputError(f"{where} is no table. Write source, labels and what else it needs.")
    given = {str(key).replace("-", "_"): value for key, value in row.items()}
    require_keys(given, _KEYS, where)
    labels = _read_files(given, where)
    source = _read_text(given, "source", where) or _read_text(given, "dataset", where)
    if not labels or source is None:
        raise InputError(f"{where} needs `labels`, its table, and `source`, what it is called.")
    images = _read_text(given, "images", where)
    label_map = _read_text(given, "map", where)
    if label_map is not None and label_map.endswith(".toml"):
        label_map = str(folder / label_map)
    texts = {key: _read_text(given, key, where) for key in _FORMAT_TEXTS}
    lists = {key: _read_list(given, key, where) for key in _FORMAT_LISTS}
    choices = {key: _read_choice(given, key, where) for key in _FORMAT_CHOICES}
    said: dict[str, Any] = {
        key: value for key, value in {**texts, **lists, **choices}.items() if value
    }
    return ListedSet(
        source=source,
        labels=tuple(folder / one for one in labels),
        table_format=TableFormat(**said, label_map=label_map),
        images=None if images is None else folder / images,
    )


def _read_text(given: Mapping[str, Any], key: str, where: str) -> str | None:
    value = given.get(key)
    if value is not None and (not isinstance(value, str) or not value):
        raise InputError(f"{where}: {key} is a text in quotes.")
    return value


def _read_files(given: Mapping[str, Any], where: str) -> tuple[str, ...]:
    """`labels`: a file, or a list of several."""
    if isinstance(given.get("labels"), list):
        return _read_list(given, "labels", where)
    labels = _read_text(given, "labels", where)
    return () if labels is None else (labels,)


def _read_list(given: Mapping[str, Any], key: str, where: str) -> tuple[str, ...]:
    value = given.get(key, [])
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise InputError(f"{where}: {key} is a list of texts: ['Mass', 'Nodule'].")
    return tuple(value)


def _read_choice(given: Mapping[str, Any], key: str, where: str) -> str | None:
    value = _read_text(given, key, where)
    known = _FORMAT_CHOICES[key]
    if value is not None and value not in known:
        raise InputError(f"{where}: {key} is one of {', '.join(known)}, not {value!r}.")
    return value
