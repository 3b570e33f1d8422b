"""Any column of a source's tables, as a table with a row an image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from xlite.errors import InputError
from xlite.tables.csv_table import CsvTable, name_columns, require_columns, show
from xlite.tables.sources.files import SourceTables
from xlite.tables.sources.reading import take_rows
from xlite.tables.sources.source import ColumnLabels, TableSource

if TYPE_CHECKING:
    from collections.abc import Iterator

IMAGE = "(image)"
"""The column, of no table, with the image's name as the manifest has it."""


@dataclass(frozen=True, eq=False)
class ImageRows:
    """A source's tables, of which columns are taken as from a `CsvTable`, a row an image."""

    tables: SourceTables

    @property
    def path(self) -> Path:
        """What messages call it."""
        return self.tables.named

    @cached_property
    def header(self) -> tuple[str, ...]:
        """The names of all columns that say something of images, the image first."""
        names = (name for _, header in self._headers() for name in header if name)
        return tuple(dict.fromkeys([IMAGE, *names]))

    @property
    def label_columns(self) -> tuple[str, ...]:
        """The columns that hold labels."""
        labels = self.tables.source.labels
        if isinstance(labels, ColumnLabels):
            return tuple(labels.columns)
        return () if labels is None else (labels.column,)

    def require_columns(self, names: Sequence[str], *, remedies: dict[str, str]) -> None:
        """Raise InputError unless there is each of `names`; see `CsvTable.require_columns`."""
        require_columns(self.path, self.header, names, remedies=remedies)

    def name_columns(self) -> str:
        """The columns' names for a message, without the image's."""
        return name_columns(self.header[1:])

    def take(self, names: Sequence[str]) -> pd.DataFrame:
        """The cells of the named columns, of each image that the manifest has before rows are
        chosen. Raises InputError for a column that differs between the rows of one image."""
        rows = take_rows(replace(self.tables, source=self._taking(names))).rows
        images = self.tables.source.image(rows)
        wanted = [name for name in names if name != IMAGE]
        cells = pd.DataFrame({name: rows.get(name, "") for name in wanted}, index=rows.index)
        is_first = ~images.duplicated()
        taken = cells[is_first].assign(**{IMAGE: images[is_first]})[list(names)]
        if not is_first.all():
            self._refuse_differing(cells, images)
        return taken

    def _refuse_differing(self, cells: pd.DataFrame, images: pd.Series[str]) -> None:
        for name in cells:
            pairs = pd.DataFrame({"image": images, "cell": cells[name]}).drop_duplicates()
            several = pairs["image"].duplicated()
            if several.any():
                raise InputError(
                    f"{self.path}: column {show(name)} differs between the rows of image "
                    f"{show(pairs['image'][several].iloc[0])}, so that it says nothing of images. "
                    "Name another."
                )

    def _headers(self) -> Iterator[tuple[str, list[str]]]:
        """The columns of each file by its role; boxes of their own file say nothing of images."""
        source = self.tables.source
        apart = source.boxes.role if source.boxes is not None else ""
        main = source.files[0].role
        for role, found in self.tables.tables.items():
            for table in found:
                if role == main or role != apart:
                    header = table.header if isinstance(table, CsvTable) else table.columns
                    yield role, [str(name) for name in header]

    def _taking(self, names: Sequence[str]) -> TableSource:
        """The source's declaration with further columns to take, each of the first file with it."""
        source, takes = self.tables.source, dict(self.tables.source.takes)
        for name in names:
            if name != IMAGE and not any(name in taken for taken in takes.values()):
                role = next((role for role, header in self._headers() if name in header), None)
                if role is not None:
                    takes[role] = (*takes.get(role, ()), name)
        return replace(source, takes=takes)
