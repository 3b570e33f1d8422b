"""The files that a label table is read from: one, or several of one data set."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypeGuard

from xlite.errors import InputError

TableFiles = str | Path | Sequence[str | Path]
"""A table, a folder with a data set's tables, or several of one data set."""


def is_files(labels: object) -> TypeGuard[TableFiles]:
    """Whether labels are given as files, and not as what is in them."""
    if isinstance(labels, str | Path):
        return True
    if not isinstance(labels, list | tuple) or not labels:
        return False
    return all(isinstance(one, str | Path) for one in labels)


def list_files(files: TableFiles) -> tuple[Path, ...]:
    """The files, each once; InputError where there is none.

    >>> [path.name for path in list_files(["a.csv", "b.csv", "a.csv"])]
    ['a.csv', 'b.csv']
    """
    given = [files] if isinstance(files, str | Path) else files
    paths = tuple(dict.fromkeys(map(Path, given)))
    if not paths:
        raise InputError("no table is named. Pass a file, or a folder with a data set's.")
    return paths


def name_files(files: TableFiles) -> str:
    """What messages and records call them: their names, in the order in which they are given."""
    return ", ".join(path.name for path in list_files(files))
