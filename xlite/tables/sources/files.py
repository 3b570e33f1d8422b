"""A source's files, named one by one or by the folder that they lie in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

import pandas as pd

from xlite.errors import InputError
from xlite.tables.csv_table import CsvTable, open_csv
from xlite.tables.sources.source import SourceFile, TableSource

_PACKED = (".gz", ".zip")


@dataclass(frozen=True, kw_only=True)
class SourceTables:
    """A source's files that were found, opened, by role."""

    source: TableSource
    named: Path
    """What messages call the labels' table: its file, or the folder where there are several."""
    tables: dict[str, list[CsvTable | pd.DataFrame]] = field(default_factory=dict)
    paths: dict[str, list[Path]] = field(default_factory=dict)


def gather_tables(source: TableSource, given: Sequence[Path | CsvTable]) -> SourceTables:
    """The files of a source that are given: a folder is searched for them by name, and what a
    table has to be joined with is looked for beside it. A table may be open already.

    Raises InputError for a file that is none of the source's, and where one is missing.
    """
    paths = [one.path if isinstance(one, CsvTable) else one for one in given]
    found = SourceTables(source=source, named=paths[0])
    for one in given:
        if isinstance(one, Path) and one.is_dir():
            _search(found, one)
        else:
            _add(found, one)
    main = source.files[0]
    if main.role not in found.paths:
        raise InputError(
            f"{', '.join(map(str, paths))}: {source.title}'s table of {main.role} is not there. "
            f"Name it: {' or '.join(main.names)}."
        )
    for file in source.files[1:]:
        for path in () if file.role in found.paths else _look_beside(found, file):
            _add(found, path, file)
    for file in source.files:
        if file.is_needed and file.role not in found.paths:
            raise InputError(
                f"{source.title} needs its {file.role} too, and none lies beside "
                f"{found.paths[main.role][0]}. Put {' or '.join(file.names)} there, or name the "
                "folder that holds both."
            )
    return found


def _search(found: SourceTables, folder: Path) -> None:
    main = found.source.files[0]
    if main.walk is not None:
        found.tables.setdefault(main.role, []).append(main.walk(folder))
        found.paths.setdefault(main.role, []).append(folder)
        return
    for file in found.source.files:
        for path in _list_files(folder, file):
            _add(found, path, file)
    if not found.paths:
        names = [name for file in found.source.files for name in file.names]
        raise InputError(
            f"{folder} holds none of {found.source.title}'s files: {', '.join(names)}. Name the "
            "folder that they lie in, or the files."
        )


def _look_beside(found: SourceTables, file: SourceFile) -> list[Path]:
    """Those of a role that lie beside the labels' table; none beside a data frame."""
    main = found.paths[found.source.files[0].role][0]
    return _list_files(main.parent, file) if main.exists() else []


def _list_files(folder: Path, file: SourceFile) -> list[Path]:
    """The files of a role in a folder, each once, packed or not, in the order of their names."""
    by_name: dict[str, Path] = {}
    for path in sorted(one for one in folder.iterdir() if one.is_file()):
        name = path.name.lower()
        for ending in _PACKED:
            name = name.removesuffix(ending)
        by_name.setdefault(name, path)
    found = [
        path
        for pattern in file.names
        for name, path in by_name.items()
        if fnmatch(name, pattern.lower())
    ]
    return list(dict.fromkeys(found))


def _add(found: SourceTables, given: Path | CsvTable, file: SourceFile | None = None) -> None:
    """Open a file as one of `file`'s role, or of the role that its header tells."""
    if isinstance(given, Path):
        file = file or _find_opened_otherwise(found.source, given)
    table: CsvTable | pd.DataFrame
    if isinstance(given, Path) and file is not None and file.open is not None:
        path, table = given, file.open(given)
    else:
        opened = given if isinstance(given, CsvTable) else _open(given)
        file = _match_header(found.source, opened, file)
        path, table = opened.path, opened
    found.tables.setdefault(file.role, []).append(table)
    found.paths.setdefault(file.role, []).append(path)


def _open(path: Path) -> CsvTable:
    return open_csv(path, what="label table", remedy="Name a CSV file.")


def _find_opened_otherwise(source: TableSource, path: Path) -> SourceFile | None:
    """The file that is no CSV and is called so, if any."""
    for file in source.files:
        if file.open and any(fnmatch(path.name.lower(), name.lower()) for name in file.names):
            return file
    return None


def _match_header(source: TableSource, table: CsvTable, file: SourceFile | None) -> SourceFile:
    """The file whose columns a table has; InputError, which names one that lacks, otherwise."""
    files = [one for one in source.files if one.open is None and one.walk is None]
    if not files:
        raise InputError(
            f"{table.path} is no {source.title.lower()}. Name what --dataset {source.name} reads: "
            f"{source.about.reads}"
        )
    for one in [file] if file else files:
        if set(one.columns) <= set(table.header):
            return one
    expected = file or files[0]
    missing = [name for name in expected.columns if name not in table.header]
    raise InputError(
        f"{table.path} is not {source.title}'s: it has no column {missing[0]!r}; it has: "
        f"{table.name_columns()}. Name its own table, or another --dataset."
    )
