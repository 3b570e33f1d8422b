"""CSV files of others as cells of text: every row checked to be as long as the header.

A comma too many or a quote too few would otherwise move a patient's id into the label column
without a word. Rows are counted as in a spreadsheet: the header is row 1.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from xlite.errors import InputError
from xlite.inputs import MAX_TABLE_BYTES, decompress_gzip, is_gzip, read_bytes, unzip_only
from xlite.records import unguard_cell
from xlite.tables.csv_text import ZIP_MAGIC, csv_fault, normalise_csv
from xlite.tables.padded_cells import strip_cells

if TYPE_CHECKING:
    from numpy.typing import NDArray

_DATA_FRAME = Path("the data frame")
_MOST_SHOWN = 60
_MOST_COLUMNS_NAMED = 20
_LONGEST_CELL = 1 << 17
_COMMA, _LINE_END = ord(","), ord("\n")


@dataclass(frozen=True, eq=False)
class CsvTable:
    """A CSV file's header and its content, from which columns are taken."""

    path: Path
    header: tuple[str, ...]
    """Names without blanks around them; "" for a column that has none."""
    content: bytes
    """UTF-8 without a mark in front, each line ended by a line feed alone."""

    def require_columns(self, names: Sequence[str], *, remedies: dict[str, str]) -> None:
        """Raise InputError unless the header has each of `names`, and once.

        remedies: the sentence that ends the message about a missing column; "" stands for all
        others.
        """
        require_columns(self.path, self.header, names, remedies=remedies)

    def name_columns(self) -> str:
        """The columns' names for a message: the first twenty."""
        return name_columns(self.header)

    def take(self, names: Sequence[str], *, is_guarded: bool = False) -> pd.DataFrame:
        """The cells of the named columns without blanks around them; the index is the row's number.

        is_guarded: the apostrophes of `xlite.records.guard_cell` are taken off. Raises InputError,
        naming the row, for one that has more or fewer cells than the header, for a quote that is
        not closed and for a line break within a cell that is taken.
        """
        positions = [self.header.index(name) for name in names]
        has_quotes = b'"' in self.content
        cells = self._parse_quoted(positions) if has_quotes else self._parse_plain(positions)
        if cells.empty:
            raise InputError(f"{self.path} has a header and no rows. Pass a table with images.")
        cells.columns = pd.Index(names, dtype=object)
        cells = strip_cells(cells, self.content)
        if has_quotes:
            self._refuse_line_breaks(cells)
        if is_guarded and b"'" in self.content:
            cells = cells.map(unguard_cell)
        return cells

    def _parse_plain(self, positions: Sequence[int]) -> pd.DataFrame:
        counts = self._count_fields()
        is_row = counts > 0
        self._check_counts(counts)
        content = self.content
        if not is_row.all():
            content = b"\n".join(line for line in content.split(b"\n") if line)
        body = content[content.find(b"\n") + 1 :] if is_row.sum() > 1 else b""
        if not body:
            return pd.DataFrame()
        cells = pd.read_csv(
            io.BytesIO(body),
            header=None,
            usecols=sorted(set(positions)),
            dtype=str,
            keep_default_na=False,
            index_col=False,
            quoting=csv.QUOTE_NONE,
            encoding="utf-8",
        )[positions]
        cells.index = pd.Index(np.flatnonzero(is_row)[1:] + 1)
        return cells

    def _count_fields(self) -> NDArray[np.intp]:
        """The number of cells in each line of a table without quotes; 0 in an empty line."""
        signs = np.frombuffer(self.content, dtype=np.uint8)
        ends = np.flatnonzero(signs == _LINE_END)
        commas = np.flatnonzero(signs == _COMMA)
        lengths = np.diff(ends, prepend=-1) - 1
        if lengths.max() > _LONGEST_CELL:
            row = int(lengths.argmax()) + 1
            raise InputError(
                f"{self.path}: row {row} is longer than {_LONGEST_CELL:,} bytes. Check whether it "
                "is a table, and has its line ends."
            )
        counts = np.diff(np.searchsorted(commas, ends), prepend=0) + 1
        return np.where(lengths == 0, 0, counts)

    def _check_counts(self, counts: NDArray[np.intp]) -> None:
        expected = len(self.header)
        found = counts[1:][counts[1:] > 0]
        wrong = np.flatnonzero((counts != expected) & (counts > 0))
        wrong = wrong[wrong > 0]
        if not len(wrong):
            return
        # Some programs end the header or the rows, but not both, in commas.
        named = max(place for place, name in enumerate(self.header, start=1) if name or place == 1)
        if (found == found[0]).all() and named <= found[0] < expected:
            return
        if (found == expected + 1).all() and self._all_rows_end_in_a_comma():
            return
        row = int(wrong[0]) + 1
        is_cut = row == len(counts) and counts[wrong[0]] < expected
        raise InputError(
            f"{self.path}: row {row} has {counts[wrong[0]]} cells, the header {expected}. "
            + (
                "The file may have been cut off: copy or download it again."
                if is_cut
                else "Put quotes around cells that hold a comma, and complete the row."
            )
        )

    def _all_rows_end_in_a_comma(self) -> bool:
        if b'"' in self.content:
            return all(not row or row[-1] == "" for row in self._read_rows())
        lines = self.content.split(b"\n")[1:]
        return all(line.endswith(b",") for line in lines if line)

    def _parse_quoted(self, positions: Sequence[int]) -> pd.DataFrame:
        # Only what is taken is kept of a row: all of PadChest's cells took three times as long.
        counts, numbers = [len(self.header)], []
        columns: list[list[str]] = [[] for _ in positions]
        for number, row in enumerate(self._read_rows(), start=2):
            counts.append(len(row))
            if len(row) > max(positions):
                numbers.append(number)
                for column, position in zip(columns, positions, strict=True):
                    column.append(row[position])
        self._check_counts(np.array(counts, dtype=np.intp))
        return pd.DataFrame(dict(enumerate(columns)), index=numbers, dtype=str)

    def _read_rows(self) -> Iterator[list[str]]:
        """The rows below the header of a table with quotes; an empty list for an empty line."""
        reader = csv.reader(io.StringIO(self.content.decode(), newline=""), strict=True)
        try:
            next(reader)
            yield from reader
        except csv.Error as error:
            raise csv_fault(self.path, reader.line_num, error) from None

    def _refuse_line_breaks(self, cells: pd.DataFrame) -> None:
        for name in cells.columns:
            texts = cells[name].tolist()
            if "\n" in "".join(texts):
                row = cells.index[["\n" in text for text in texts].index(True)]
                raise InputError(
                    f"{self.path}: row {row} has a line break within column {name!r}. Close the "
                    "quote of the cell, or remove the break."
                )


def open_csv(path: Path, *, what: str = "file", remedy: str = "") -> CsvTable:
    """The CSV file `path`, plain, compressed with gzip, or alone in a zip, with its header read.

    Semicolons or tabs may stand between its cells, where the header has no comma.

    what and remedy: the first words and the last sentence when it can't be opened. Raises
    InputError for what is no CSV: a folder, a web page, an archive, a damaged gzip file, an
    encoding other than UTF-8, an empty file.
    """
    content = read_bytes(path, max_bytes=MAX_TABLE_BYTES, what=what, remedy=remedy)
    if is_gzip(content):
        content = decompress_gzip(
            content, path, max_bytes=MAX_TABLE_BYTES, what=what, remedy="Download it again."
        )
    elif content[:4] == ZIP_MAGIC:
        # Kaggle's tables come so.
        unpacked = unzip_only(content, path, ending=".csv", max_bytes=MAX_TABLE_BYTES, what=what)
        content = content if unpacked is None else unpacked
    return parse_csv(content, path)


def parse_csv(content: bytes, path: Path) -> CsvTable:
    """The CSV in `content`, called `path` in messages; raises InputError as `open_csv` does."""
    content = normalise_csv(content, path)
    line = content[: content.index(b"\n")]
    if b'"' not in line:
        names = line.decode().split(",")
    else:
        reader = csv.reader(io.StringIO(content.decode(), newline=""), strict=True)
        try:
            names = next(reader)
        except csv.Error as error:
            raise csv_fault(path, reader.line_num, error) from None
    return CsvTable(path, tuple(name.strip() for name in names), content)


def require_columns(
    path: Path, header: Sequence[str], names: Sequence[str], *, remedies: dict[str, str]
) -> None:
    """Raise InputError unless the header of `path` has each of `names`, and once."""
    for name in names:
        places = [place for place, found in enumerate(header, start=1) if found == name]
        if len(places) > 1:
            raise InputError(
                f"{path} has {len(places)} columns called {name!r} (columns "
                f"{' and '.join(map(str, places))}). Rename or remove all but one."
            )
        if not places:
            raise InputError(
                f"{path} has no column {name!r}; it has: {name_columns(header)}. "
                f"{remedies.get(name, remedies.get('', ''))}".strip()
            )


def name_columns(header: Sequence[str]) -> str:
    """The columns' names for a message: the first twenty."""
    named = [name for name in header if name]
    more = ", …" if len(named) > _MOST_COLUMNS_NAMED else ""
    return ", ".join(show(name)[1:-1] for name in named[:_MOST_COLUMNS_NAMED]) + more


def frame_as_csv(frame: pd.DataFrame) -> CsvTable:
    """The CSV that pandas would write of a data frame without its index.

    So both mean the same, and a message counts rows as a spreadsheet does, the header being row 1.
    """
    content = frame.to_csv(index=False, lineterminator="\n").encode("utf-8", "surrogatepass")
    return parse_csv(content, _DATA_FRAME)


def show(text: Any) -> str:
    """A cell for a message, in quotes and at most sixty characters long.

    >>> show("Edema"), len(show("x" * 1000))
    ("'Edema'", 63)
    """
    text = str(text)
    return repr(text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}…")
