"""What a source of radiographs is: which files it has, and what their columns hold, as data.

A module a source declares one `TableSource`; `xlite.tables.sources.reading` reads any of them.
Code stands in a declaration only where data does not do: an age from two dates, a list as text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xlite.results.split import Blank

Take = Callable[["pd.DataFrame"], "pd.Series[str]"]
Row = Literal["image", "box", "reader", "study"]

VIEWS = {
    "posteroanterior": "PA",
    "anteroposterior": "AP",
    # Supine films are AP films.
    "ap_horizontal": "AP",
    "lateral": "L",
    "ll": "L",
    "rl": "L",
    "lld": "L",
    "large lateral": "L",
    "unk": "",
    "unknown": "",
    "nan": "",
}
"""The manifest's views, "PA", "AP" and "L" for lateral, by what sources write, in any case."""

FILE = "(file)"
"""The column, of no table, with the name of the file that a row stands in."""

SEXES = {"male": "M", "female": "F", "unknown": "", "nan": ""}


@dataclass(frozen=True, kw_only=True)
class Field:
    """Where a text of each image is: a column, of which a pattern's first group may be taken."""

    column: str
    without: tuple[str, ...] = ()
    """What is taken off in front, in this order, where it stands there."""
    pattern: str = ""
    """A regular expression; "" where it does not match."""
    values: Mapping[str, str] = field(default_factory=dict)
    """Other texts for some, by their lower case."""

    def __call__(self, rows: pd.DataFrame) -> pd.Series[str]:
        """The (N,) texts; empty for a column that is not there."""
        if self.column not in rows:
            return pd.Series("", index=rows.index, dtype=object)
        cells = rows[self.column]
        # Loops, not pandas' `.str`, which took five times as long.
        for prefix in self.without:
            shortened = [text.removeprefix(prefix) for text in cells.tolist()]
            cells = pd.Series(shortened, index=cells.index, dtype=object, name=self.column)
        if self.pattern:
            search = re.compile(self.pattern).search
            found = [match[1] if (match := search(text)) else "" for text in cells.tolist()]
            cells = pd.Series(found, index=cells.index, dtype=object, name=self.column)
        if self.values:
            codes, distinct = pd.factorize(cells)
            texts = [self.values.get(str(text).lower(), str(text)) for text in distinct]
            spelled = np.array(texts, dtype=object)[codes]
            cells = pd.Series(spelled, index=cells.index, dtype=object, name=self.column)
        return cells


@dataclass(frozen=True, kw_only=True)
class ColumnLabels:
    """A column a label, or a single one: what its cells mean."""

    columns: Mapping[str, str]
    """The label that each column is of."""
    codes: Mapping[str, int]
    """A cell's code by its text in lower case, without the ".0" that pandas adds."""
    other: int | None = None
    """The code of any other text; None where there is to be none."""
    spellings: Mapping[str, str] = field(default_factory=dict)
    """What some of a source's files call a column otherwise."""


@dataclass(frozen=True, kw_only=True)
class TextLabels:
    """A text an image, such as "Edema|Mass"; a label that it does not name is absent."""

    column: str
    separator: str = "|"
    vocabulary: tuple[str, ...] = ()
    """What it may name; empty for the labels that occur."""
    is_list: bool = False
    """A list in Python's writing, such as "['edema', 'mass']"."""
    not_labels: tuple[str, ...] = ()
    """Texts that are said of an image and are no finding."""


@dataclass(frozen=True, kw_only=True)
class RowLabels:
    """A label a row, of which an image has several; one that no row names is absent."""

    column: str
    vocabulary: tuple[str, ...]
    none: str
    """What is written where there is none."""


@dataclass(frozen=True, kw_only=True)
class BoxColumns:
    """Where a row holds a box, in pixels of the image as it is published."""

    image: str
    label: str
    """A column, or a label where none says it."""
    corners: tuple[str, str, str, str]
    """Left, top, then width and height, or right and bottom."""
    has_size: bool = True
    """Whether the last two are width and height."""
    names: Mapping[str, str] = field(default_factory=dict)
    """Labels that are written otherwise than in the table of labels."""
    role: str = "labels"


@dataclass(frozen=True, kw_only=True)
class SourceFile:
    """One of a source's files: by what it is found, and whether it is needed."""

    role: str
    names: tuple[str, ...]
    """Patterns of file names, as `fnmatch` reads them."""
    columns: tuple[str, ...]
    """Columns by which it is told from any other; none for what is no table."""
    is_needed: bool = False
    open: Callable[[Path], pd.DataFrame] | None = None
    """How it is read where it is no CSV: to cells of text."""
    walk: Callable[[Path], pd.DataFrame] | None = None
    """How a folder is read that is itself what has the labels."""


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """Rows that are not read, and why."""

    reason: str
    find: Callable[[pd.DataFrame], NDArray[np.bool_]]
    """(N,) whether a row is one of them."""


@dataclass(frozen=True, kw_only=True)
class About:
    """What the page about data sets says of a source; one sentence each, if any."""

    what: str
    reads: str
    assumes: tuple[str, ...] = ()
    leaves_out: tuple[str, ...] = ()
    licence: str
    where: str
    citation: str
    not_verified: tuple[str, ...] = ()
    """What of these could not be found on a page of the source's own or of its paper."""


@dataclass(frozen=True, kw_only=True)
class TableSource:
    """A data set's tables: their files, what is in them, and what is assumed of it."""

    name: str
    """As `--dataset` takes it."""
    title: str
    about: About
    files: tuple[SourceFile, ...] = ()
    """The first has the labels; several of it are read one after the other."""
    image: Take
    patient: Take | None = None
    """None where the table does not say: each image counts as a patient of its own."""
    view: Take | None = None
    age: Take | None = None
    """In years, or as DICOM writes it."""
    sex: Take | None = None
    site: Take | None = None
    date: Take | None = None
    part: Take | None = None
    """The official part: "train", "val", "test" or "train_val"."""
    labels: ColumnLabels | TextLabels | RowLabels | None
    """None where nothing says what is on an image."""
    blank: Blank = "unknown"
    """What a blank cell means by the source's convention."""
    rows: Row = "image"
    """What a row of the first file is."""
    reader: str | None = None
    """The column that says who read an image, where a row is a reader's."""
    join: Callable[[Mapping[str, Sequence[pd.DataFrame]]], pd.DataFrame] | None = None
    """Rows an image (box, reader) from the tables by role; None takes the first file's."""
    takes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Columns that are read, by role, as empty ones where they are not there; those of the first
    file's labels are read in any case, and have to be there."""
    left_out: tuple[LeftOut, ...] = ()
    boxes: BoxColumns | None = None
    is_recognised: bool = True
    """Whether its header alone says which source it is."""

    @property
    def names_what_occurs(self) -> bool:
        """Whether the table names the labels that occur, of a vocabulary that it does not list:
        one that it names nowhere is absent from every image."""
        return isinstance(self.labels, TextLabels) and not self.labels.vocabulary
