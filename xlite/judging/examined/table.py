"""A label table as the doctor looks at it: anyone's, as it is written and as it is meant.

N images, C labels.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd

from xlite.errors import InputError
from xlite.ids import canonical_image_names, canonical_patient_ids
from xlite.judging.examined.columns import LABEL_CODES, TableColumns, find_columns, normalise_cell
from xlite.judging.examined.examined import Examined, attempt
from xlite.labels import UNKNOWN, parse_label_texts
from xlite.tables.cells import ABSENT
from xlite.tables.csv_table import open_csv, parse_csv, show
from xlite.tables.label_table import read_manifest
from xlite.tables.manifest import UNKNOWN_COL, Manifest, encode_manifest
from xlite.tables.sources.registry import GENERIC, find_source, recognise_source
from xlite.tables.table_format import TableFormat, written_format

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xlite.results.split import Blank


class ExaminedLabels(Examined):
    """Anything that has a row an image with what is true of it: a table, the parts of a split."""

    kind: ClassVar[str] = "labels"

    @property
    @abstractmethod
    def label_tables(self) -> Iterable[ExaminedTable]:
        """The tables, each with its labels."""


@dataclass(frozen=True, eq=False)
class ExaminedTable(ExaminedLabels):
    """A table with a row an image. More is read than training would take: what is wrong is said."""

    kind: ClassVar[str] = "labels"

    path: Path
    layout: TableFormat | None = None
    """Which columns hold what, as far as somebody has said so."""
    is_guarded: bool = False
    """Whether xlite wrote it, with apostrophes before what a spreadsheet would run."""
    others: tuple[Path, ...] = ()
    """Further files of the data set that the table is of."""

    @property
    def place(self) -> str:
        """Its file."""
        return str(self.path)

    def read_all(self) -> Iterable[object]:
        """The table, and what its columns hold."""
        yield from attempt(self, "image_ids", "labels")

    @property
    def label_tables(self) -> tuple[ExaminedTable, ...]:
        """Itself."""
        return (self,)

    def __len__(self) -> int:
        return len(self.cells)

    @cached_property
    def cells(self) -> pd.DataFrame:
        """Every column as text without blanks around it; the index is the row in the file.

        Of a source's tables that are named, the columns are those of a split's file.
        """
        if self._source_rows is not None:
            table = parse_csv(encode_manifest(self._source_rows), self.path)
            return table.take([*table.header], is_guarded=True)
        table = open_csv(self.path, what="label table", remedy="Name a CSV file.")
        names = [name for name in dict.fromkeys(table.header) if name]
        return table.take(names, is_guarded=self.is_guarded)

    @cached_property
    def columns(self) -> TableColumns:
        """What the columns hold; InputError where none names the images."""
        patient = None if self.layout is None else self.layout.patient_col
        if patient is not None and patient not in self.cells:
            raise InputError(
                f"{self.path} has no column {patient!r}; it has: "
                f"{', '.join(map(str, self.cells.columns[:20]))}. Pass --patient-col."
            )
        if self._source_rows is not None:
            return find_columns(self.cells, written_format(self._source_rows))
        return find_columns(self.cells, self.layout)

    @cached_property
    def _source_rows(self) -> Manifest | None:
        """The images as the source of several files, or that is named, has them; else None."""
        is_named = self.layout is not None and self.layout.dataset not in (None, GENERIC)
        if not is_named and not self.others:
            return None
        return read_manifest([self.path, *self.others], table_format=self.layout)

    @cached_property
    def image_ids(self) -> NDArray[Any]:
        """(N,) the images in the canonical spelling; InputError where no column has them."""
        column = self.columns.image
        if column is None:
            raise InputError(
                f"{self.path} has no column that names the images; it has: "
                f"{', '.join(map(str, self.cells.columns[:20]))}. Pass --image-col."
            )
        return canonical_image_names(self.cells[column].tolist())

    @cached_property
    def patient_texts(self) -> NDArray[Any] | None:
        """(N,) the patients as they are written; None where no column has them."""
        column = self.columns.patient
        return None if column is None else self.cells[column].to_numpy(dtype=object)

    @cached_property
    def patient_ids(self) -> NDArray[Any] | None:
        """(N,) the patients in the canonical spelling; None where no column has them."""
        texts = self.patient_texts
        return None if texts is None else canonical_patient_ids(texts)

    @property
    def vocabulary(self) -> tuple[str, ...]:
        """The C labels; InputError where no column has any."""
        return self._encoded[0]

    @property
    def labels(self) -> NDArray[np.int8]:
        """(N, C): 1 present, 0 absent, -1 unknown. InputError for what can't be read."""
        return self._encoded[1]

    @cached_property
    def blank(self) -> Blank:
        """What an empty cell of a label means: what somebody has said, else the convention of the
        source that is named or whose header it has, else that nothing is known.
        """
        layout = self.layout or TableFormat()
        if layout.blank is not None or self.is_guarded or layout.names_columns:
            return layout.blank or "unknown"
        name = layout.dataset
        header = [str(column) for column in self.cells.columns]
        source = recognise_source(header) if name is None else find_source(name)
        return "unknown" if source is None else source.blank

    def labels_of(self, vocabulary: Iterable[str]) -> NDArray[np.int8]:
        """(N, C) of these labels; one that the table never names is absent where the labels are
        text, and unknown where each has a column.
        """
        names = list(vocabulary)
        never = UNKNOWN if self.columns.labels else 0
        wanted = np.full((len(self), len(names)), never, dtype=np.int8)
        for place, name in enumerate(names):
            if name in self.vocabulary:
                wanted[:, place] = self.labels[:, self.vocabulary.index(name)]
        return wanted

    def column(self, role: str) -> NDArray[Any] | None:
        """(N,) the text of the view, sex or age; None where the table has none or it is empty."""
        name = getattr(self.columns, role)
        if name is None or not self.cells[name].any():
            return None
        cells: NDArray[Any] = self.cells[name].to_numpy(dtype=object)
        return cells

    @property
    def other_columns(self) -> list[str]:
        """The columns that are none of labels, ids, view, sex and age."""
        known = self.columns
        taken = {*known.others, *known.labels, known.text, UNKNOWN_COL}
        return [name for name in self.cells.columns if name not in taken]

    @cached_property
    def _encoded(self) -> tuple[tuple[str, ...], NDArray[np.int8]]:
        columns, cells = self.columns, self.cells
        if columns.labels:
            return columns.labels, np.stack([self._encode(name) for name in columns.labels], axis=1)
        if columns.text is None:
            raise InputError(
                f"{self.path} has no column of labels; it has: "
                f"{', '.join(map(str, cells.columns[:20]))}. Pass --label-cols or --labels-col."
            )
        layout = self.layout or TableFormat()
        try:
            texts = parse_label_texts(
                cells[columns.text].to_numpy(dtype=object), separator=layout.separator
            )
            names = layout.vocabulary or texts.vocabulary()
            labels = texts.encode(names)
            if UNKNOWN_COL in cells:
                unknown = parse_label_texts(
                    cells[UNKNOWN_COL].to_numpy(dtype=object), empty_is_absent=True
                )
                named = [name for name in names if name in unknown.vocabulary()]
                is_open = unknown.encode(unknown.vocabulary()) == 1
                for name in named:
                    rows = is_open[:, unknown.vocabulary().index(name)]
                    labels[rows, names.index(name)] = UNKNOWN
        except InputError as error:
            raise InputError(f"{self.path}: {error}") from None
        return tuple(names), labels

    def _encode(self, name: str) -> NDArray[np.int8]:
        if name not in self.cells:
            raise InputError(f"{self.path} has no column {name!r}. Pass other --label-cols.")
        codes, distinct = pd.factorize(self.cells[name])
        meaning = LABEL_CODES | ({"": ABSENT, "nan": ABSENT} if self.blank == "absent" else {})
        values = [meaning.get(normalise_cell(text)) for text in distinct]
        if None in values:
            wrong = distinct[values.index(None)]
            raise InputError(
                f"{self.path} has {show(wrong)} in label column {name!r}. Use 1 (present), 0 "
                "(absent), -1 or empty (unknown)."
            )
        return np.asarray(values, dtype=np.int8)[codes]
