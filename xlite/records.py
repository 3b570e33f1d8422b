"""The one reader of our own files: JSON and CSV, each against a schema.

A file of ours may have been cut short, edited by hand, replaced, or written by a newer version.
Whatever is wrong with it becomes one sentence with the file, the key or row, and what to do.
"""

from __future__ import annotations

import contextlib
import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from xlite.errors import InputError
from xlite.inputs import MAX_TABLE_BYTES, MEBIBYTE, RefusedFileError, read_bytes

MAX_JSON_BYTES = 256 * MEBIBYTE
"""A split of a million images is recorded in a few kilobytes; a list of marks in some 12 MB."""

_RUN_BY_SPREADSHEETS = re.compile(r"'*[=+\-@\t\r]")
_ANY_RUN_BY_SPREADSHEETS = re.compile(rf"^{_RUN_BY_SPREADSHEETS.pattern}", re.MULTILINE)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_MAX_SHOWN = 40

_Value = TypeVar("_Value")


class Record(BaseModel):
    """Base of the schemas of our JSON files: frozen, strict about types, without NaN.

    Keys that a schema does not know are left out of it: an older xlite reads what a newer one
    only adds to. A change that an older one must not read raises `newest_schema`.
    """

    model_config = ConfigDict(
        frozen=True, extra="ignore", allow_inf_nan=False, strict=True, defer_build=True
    )

    newest_schema: ClassVar[int] = 1
    """The newest `schema_version` that this version reads and writes."""

    schema_version: int = Field(default=1, ge=1)
    """Version 0.1 wrote none, and what it wrote is version 1."""

    @classmethod
    def read(cls, path: Path, *, remedy: str) -> Self:
        """The record in the JSON file `path`; InputError where `read_validated` raises it."""
        return read_validated(
            path, cls.model_validate_json, newest_schema=cls.newest_schema, remedy=remedy
        )


class _Version(BaseModel):
    schema_version: int = 1


def read_validated(
    path: Path, validate: Callable[[bytes], _Value], *, newest_schema: int, remedy: str
) -> _Value:
    """What `validate`, a validation of pydantic's, makes of the JSON file `path`.

    Raises InputError, which names the file, the key and `remedy`, for a file that is missing, no
    regular file, too large, no JSON, of a schema newer than `newest_schema`, or refused.
    """
    content = read_own_bytes(path, max_bytes=MAX_JSON_BYTES, remedy=remedy)
    return parse_validated(
        content, validate, where=str(path), newest_schema=newest_schema, remedy=remedy
    )


def parse_validated(
    content: bytes,
    validate: Callable[[bytes], _Value],
    *,
    where: str,
    newest_schema: int,
    remedy: str,
) -> _Value:
    """What `validate` makes of JSON that was found in `where`; InputError as `read_validated`."""
    with contextlib.suppress(ValidationError):
        found = _Version.model_validate_json(content).schema_version
        if found > newest_schema:
            raise InputError(
                f"{where} was written by a newer xlite (schema version {found}; this one reads up "
                f"to {newest_schema}). Update xlite."
            )
    try:
        return validate(content)
    except ValidationError as error:
        raise InputError(f"{where} {describe_fault(error)}. {remedy}") from None


def read_rows(path: Path, columns: Sequence[str], *, remedy: str) -> list[dict[str, str]]:
    """The rows of one of our CSV files as text by column, spreadsheet guards taken off.

    Raises InputError for a file that is missing, no regular file, no UTF-8 or no CSV, that lacks
    one of `columns`, or has a row with more or fewer cells than the header; rows are counted as
    in a spreadsheet, the header being row 1.
    """
    with _open_table(path, columns, remedy) as (header, rows):
        return [dict(zip(header, row, strict=True)) for row in rows]


def read_columns(path: Path, columns: Sequence[str], *, remedy: str) -> list[list[str]]:
    """The cells of each of `columns` in one of our CSV files; see `read_rows`.

    Half of the time and a fifth of the memory of rows, for the few columns that one may need.
    """
    chosen: list[list[str]] = [[] for _ in columns]
    with _open_table(path, columns, remedy) as (header, rows):
        places = [header.index(name) for name in columns]
        for row in rows:
            for cells, place in zip(chosen, places, strict=True):
                cells.append(row[place])
    return chosen


def guard_cell(text: str) -> str:
    """A text cell for a CSV, with an apostrophe before what a spreadsheet would run as a formula.

    Numbers stay as they are, and `unguard_cell` gives every text back exactly.

    >>> guard_cell("@SUM(A1)"), guard_cell("-0.5"), guard_cell("Edema")
    ("'@SUM(A1)", '-0.5', 'Edema')
    """
    is_formula = _RUN_BY_SPREADSHEETS.match(text) and not _NUMBER.fullmatch(text)
    return f"'{text}" if is_formula else text


def guard_cells(texts: list[str]) -> list[str]:
    """The texts with `guard_cell` applied to each.

    >>> guard_cells(["Edema", "=1+1"])
    ['Edema', "'=1+1"]
    """
    # Few tables have any to guard, and one search is ten times as quick as a match a cell.
    if not _ANY_RUN_BY_SPREADSHEETS.search("\n".join(texts)):
        return texts
    return list(map(guard_cell, texts))


def unguard_cell(text: str) -> str:
    """The text that `guard_cell` was given.

    >>> unguard_cell(guard_cell("'=1")) == "'=1"
    True
    """
    is_guarded = text.startswith("'") and _RUN_BY_SPREADSHEETS.match(text)
    return text[1:] if is_guarded else text


def read_own_bytes(path: Path, *, max_bytes: int, remedy: str) -> bytes:
    """The content of a file of ours; InputError where `xlite.inputs.read_bytes` refuses it."""
    try:
        return read_bytes(path, max_bytes=max_bytes)
    except RefusedFileError as error:
        raise InputError(f"{path} {error.reason}. {remedy}") from None


@contextlib.contextmanager
def _open_table(
    path: Path, columns: Sequence[str], remedy: str
) -> Iterator[tuple[list[str], Iterator[list[str]]]]:
    """The header and the rows of one of our CSV files, each row as long as the header."""
    content = read_own_bytes(path, max_bytes=MAX_TABLE_BYTES, remedy=remedy)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{path} is not UTF-8 text. {remedy}") from None
    try:
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        header = list(map(unguard_cell, next(reader, [])))
        if not header:
            raise InputError(f"{path} is empty. {remedy}")
        absent = [name for name in columns if name not in header]
        if absent or len(set(header)) < len(header):
            fault = f"no column {', '.join(absent)}" if absent else "a column twice"
            raise InputError(f"{path} has {fault}. {remedy}")
        rows = _check_lengths(reader, len(header), path, remedy)
        # Looking at each of a million cells costs 0.3 s, and hardly a file has a guard.
        yield header, (list(map(unguard_cell, row)) for row in rows) if "'" in text else rows
    except csv.Error as error:
        raise InputError(f"{path} can't be read as a CSV ({error}). {remedy}") from None


def _check_lengths(
    rows: Iterable[list[str]], num_cells: int, path: Path, remedy: str
) -> Iterator[list[str]]:
    for number, row in enumerate(rows, start=2):
        if len(row) != num_cells:
            raise InputError(
                f"{path}: row {number} has {len(row)} cells, the header {num_cells}. {remedy}"
            )
        yield row


def describe_fault(error: ValidationError) -> str:
    """The first fault in words that continue "FILE …"."""
    fault = error.errors(include_url=False)[0]
    key = ".".join(str(part) for part in fault["loc"])
    message = fault["msg"].removeprefix("Value error, ")
    if fault["type"] == "json_invalid":
        return f"is not valid JSON ({message.removeprefix('Invalid JSON: ')})"
    if fault["type"] == "model_type":
        return f"holds no JSON object{f' in {key!r}' if key else ''}"
    if fault["type"] == "missing":
        return f"has no {key!r}"
    if not key:
        return f"holds what does not fit together: {message}"
    return f"has {_shorten(fault['input'])} in {key!r}: {message[:1].lower()}{message[1:]}"


def _shorten(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…"
