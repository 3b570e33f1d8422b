"""Label tables as they are written: encoded, read back and compared before there is a file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from xlite.errors import InputError
from xlite.tables.csv_table import parse_csv
from xlite.tables.label_table import take_manifest
from xlite.tables.manifest import FURTHER_COLS, Manifest, encode_manifest
from xlite.tables.table_format import written_format

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class CheckedLines:
    """The lines of a table that reads back as its manifest, from which any rows make a table.

    Encoding and reading back 30 tables of ten folds took 16 s of NIH's rows; once is enough, since
    what a line says does not depend on the others.
    """

    header: bytes
    lines: list[bytes]

    @classmethod
    def of(cls, manifest: Manifest, what: str) -> CheckedLines:
        """The lines of a manifest; InputError, about `what`, where it would not read back."""
        # No cell has a line break: reading back refuses them.
        header, *lines = encode_checked(manifest, what).splitlines(keepends=True)
        return cls(header, lines)

    def select(self, rows: NDArray[np.integer]) -> bytes:
        """The table of some rows of the manifest."""
        return b"".join([self.header, *(self.lines[row] for row in rows.tolist())])


def encode_checked(part: Manifest, what: str) -> bytes:
    """The CSV of a manifest; InputError, about `what`, where it would not read back the same."""
    content = encode_manifest(part)
    back = take_manifest(
        parse_csv(content, Path(what)),
        written_format(part),
        vocabulary=part.vocabulary,
        is_guarded=True,
    )
    differs = [
        name
        for name in ("image_id", "patient_id", "view", "age", "sex", *FURTHER_COLS)
        if not _cells_of(part, name).equals(_cells_of(back, name))
    ]
    if back.vocabulary != part.vocabulary or not np.array_equal(back.cells, part.cells):
        differs.append("labels")
    if differs:
        raise InputError(
            f"{what} would not read back as the table it is made from: {', '.join(differs)} "
            "differ. Write the cells of the label table without blanks and control characters."
        )
    return content


def _cells_of(manifest: Manifest, name: str) -> pd.Series[Any]:
    """A column's values; one that is not there is as one of empty cells, which is not written."""
    if name in FURTHER_COLS and name not in manifest.table:
        return pd.Series("", index=range(len(manifest)), dtype=object)
    return manifest.table[name].reset_index(drop=True).astype(object)
