"""The manifest: one row an image, with its patient and its labels."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from xlite.labels import NIH_LABELS, UNKNOWN, decode_labels, has_no_finding
from xlite.records import guard_cells
from xlite.tables.cells import BLANK, decide_labels, write_codes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xlite.results.label_map import MapReport
    from xlite.results.split import Blank

IMAGE_COL = "Image Index"
LABELS_COL = "Finding Labels"
UNKNOWN_COL = "Unknown Labels"
PATIENT_COL = "Patient ID"
AGE_COL = "Patient Age"
SEX_COLS = ("Patient Gender", "Patient Sex")
VIEW_COL = "View Position"

FURTHER_COLS = {
    "site": "Site",
    "date": "Study Date",
    "source": "Source",
    "part": "Official Part",
}
"""Text that some sources have of an image: the manifest's column, and the written one."""

COLUMNS = (
    *(IMAGE_COL, LABELS_COL, UNKNOWN_COL, PATIENT_COL, AGE_COL, *SEX_COLS, VIEW_COL),
    *FURTHER_COLS.values(),
)
"""What no label may be called: it would not be told from the column."""


@dataclass(frozen=True)
class Manifest:
    """N images with their patients and labels.

    table: image_id, path ("" until located), patient_id, view, sex as text; age in years, NaN
    where unknown; and, as text, those of `FURTHER_COLS` that the source has. labels: (N, C) int8,
    -1 unknown. vocabulary: the C names.
    """

    table: pd.DataFrame
    labels: NDArray[np.int8]
    vocabulary: tuple[str, ...]
    codes: NDArray[np.int8] | None = None
    """(N, C) cells as the source wrote them, see `xlite.tables.cells`; None where the labels say
    the same, as where no cell is blank."""
    blank: Blank = "unknown"
    """What a blank cell means in `labels`."""
    source_rows: NDArray[np.int64] | None = None
    """(N,) rows of the table that it was read from; None where all are there, in their order."""
    mapping: MapReport | None = field(default=None, compare=False)
    """What a label map made of the table's own labels; None where there was none."""
    dataset: str | None = None
    """The source by whose declaration it was read; None for rows of a plain table."""

    @classmethod
    def of_codes(
        cls,
        table: pd.DataFrame,
        codes: NDArray[np.int8],
        vocabulary: tuple[str, ...],
        *,
        blank: Blank = "unknown",
    ) -> Manifest:
        """The manifest whose labels are decided from codes, which it keeps if any is a blank."""
        if not (codes == BLANK).any():
            return cls(table, codes, vocabulary)
        return cls(table, decide_labels(codes, blank=blank), vocabulary, codes, blank)

    def __len__(self) -> int:
        return len(self.table)

    @property
    def image_ids(self) -> NDArray[Any]:
        """(N,) text: unique within the table."""
        return self.table["image_id"].to_numpy(dtype=object)

    @property
    def patient_ids(self) -> NDArray[Any]:
        """(N,) text."""
        return self.table["patient_id"].to_numpy(dtype=object)

    @property
    def patient_codes(self) -> NDArray[np.int64]:
        """(N,) integers from 0, in the order of the sorted patient ids."""
        codes, _ = pd.factorize(self.table["patient_id"], sort=True)
        return codes.astype(np.int64)

    @property
    def cells(self) -> NDArray[np.int8]:
        """(N, C) codes as the source wrote them: the labels, where they say the same."""
        return self.labels if self.codes is None else self.codes

    @property
    def positives(self) -> NDArray[np.int64]:
        """(C,) number of images with each label."""
        result: NDArray[np.int64] = (self.labels == 1).sum(axis=0)
        return result

    @property
    def num_no_finding(self) -> int:
        """Number of images known to be free of every label."""
        return int(has_no_finding(self.labels).sum())

    def find_source_rows(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """(n,) rows of the table that rows of the manifest were read from."""
        return rows if self.source_rows is None else self.source_rows[rows]

    def select(self, rows: NDArray[Any]) -> Manifest:
        """The manifest of the rows given by a mask or by positions."""
        positions = np.flatnonzero(rows) if rows.dtype == bool else rows
        return replace(
            self,
            table=self.table.iloc[positions].reset_index(drop=True),
            labels=self.labels[positions],
            codes=None if self.codes is None else self.codes[positions],
            source_rows=self.find_source_rows(positions),
        )


def is_written_as_nih(manifest: Manifest) -> bool:
    """Whether `write_manifest` writes NIH's columns: only where the labels are NIH's 14, and no
    cell is blank, which a label text can't say."""
    return manifest.vocabulary == NIH_LABELS and manifest.codes is None


def write_manifest(manifest: Manifest, path: Path) -> None:
    """Write a manifest so that nothing of it is lost; see `encode_manifest`."""
    path.write_bytes(encode_manifest(manifest))


def encode_manifest(manifest: Manifest) -> bytes:
    """A manifest as a CSV, a line an image, from which nothing of it is lost.

    NIH's labels become NIH's "Finding Labels", which other tools read, and "Unknown Labels" when
    the table has any. Any other vocabulary becomes one column a label, of 1, 0 and -1: text can
    hold neither a label called "No Finding" nor one with the separator in it. A blank cell stays
    blank. Columns of `FURTHER_COLS` are written where any of their cells is not empty.
    """
    table = manifest.table
    is_nih = is_written_as_nih(manifest)
    columns: dict[str, Any] = {IMAGE_COL: guard_cells(table["image_id"].tolist())}
    if is_nih:
        columns[LABELS_COL] = decode_labels(manifest.labels, manifest.vocabulary)
    columns[PATIENT_COL] = guard_cells(table["patient_id"].tolist())
    columns[AGE_COL] = _write_ages(table["age"])
    columns[SEX_COLS[0]] = guard_cells(table["sex"].tolist())
    columns[VIEW_COL] = guard_cells(table["view"].tolist())
    for name, written in FURTHER_COLS.items():
        if name in table and (table[name] != "").any():
            columns[written] = guard_cells(table[name].tolist())
    if not is_nih:
        cells = manifest.labels if manifest.codes is None else write_codes(manifest.codes)
        columns |= dict(zip(manifest.vocabulary, cells.T, strict=True))
    elif (manifest.labels == UNKNOWN).any():
        columns[UNKNOWN_COL] = decode_labels(
            manifest.labels, manifest.vocabulary, code=UNKNOWN, empty=""
        )
    return pd.DataFrame(columns).to_csv(index=False, lineterminator="\n").encode()


def _write_ages(ages: pd.Series[float]) -> list[str]:
    place_of, distinct = pd.factorize(ages, use_na_sentinel=True)
    # Those without an age point at a last text, which is empty.
    texts = [*map(_write_age, distinct.tolist()), ""]
    return [texts[place] for place in place_of.tolist()]


def _write_age(years: float) -> str:
    if years != years:
        return ""
    short = f"{years:g}"
    return short if float(short) == years else repr(float(years))
