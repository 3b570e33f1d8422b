"""The manifest: one row an image, with its patient and its labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from xlite.labels import NIH_LABELS, UNKNOWN, decode_labels, has_no_finding
from xlite.records import guard_cell

if TYPE_CHECKING:
    from numpy.typing import NDArray

IMAGE_COL = "Image Index"
LABELS_COL = "Finding Labels"
UNKNOWN_COL = "Unknown Labels"
PATIENT_COL = "Patient ID"
AGE_COL = "Patient Age"
SEX_COLS = ("Patient Gender", "Patient Sex")
VIEW_COL = "View Position"

COLUMNS = (IMAGE_COL, LABELS_COL, UNKNOWN_COL, PATIENT_COL, AGE_COL, *SEX_COLS, VIEW_COL)
"""What no label may be called: it would not be told from the column."""


@dataclass(frozen=True)
class Manifest:
    """N images with their patients and labels.

    table: image_id, path ("" until located), patient_id, view, sex as text; age in years, NaN
    where unknown. labels: (N, C) int8, -1 unknown. vocabulary: the C names.
    """

    table: pd.DataFrame
    labels: NDArray[np.int8]
    vocabulary: tuple[str, ...]

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
    def positives(self) -> NDArray[np.int64]:
        """(C,) number of images with each label."""
        result: NDArray[np.int64] = (self.labels == 1).sum(axis=0)
        return result

    @property
    def num_no_finding(self) -> int:
        """Number of images known to be free of every label."""
        return int(has_no_finding(self.labels).sum())

    def select(self, rows: NDArray[Any]) -> Manifest:
        """The manifest of the rows given by a mask or by positions."""
        positions = np.flatnonzero(rows) if rows.dtype == bool else rows
        return replace(
            self,
            table=self.table.iloc[positions].reset_index(drop=True),
            labels=self.labels[positions],
        )


def is_written_as_nih(vocabulary: Sequence[str]) -> bool:
    """Whether `write_manifest` writes NIH's columns: only where the labels are NIH's 14."""
    return tuple(vocabulary) == NIH_LABELS


def write_manifest(manifest: Manifest, path: Path) -> None:
    """Write a manifest so that nothing of it is lost; see `encode_manifest`."""
    path.write_bytes(encode_manifest(manifest))


def encode_manifest(manifest: Manifest) -> bytes:
    """A manifest as a CSV, a line an image, from which nothing of it is lost.

    NIH's labels become NIH's "Finding Labels", which other tools read, and "Unknown Labels" when
    the table has any. Any other vocabulary becomes one column a label, of 1, 0 and -1: text can
    hold neither a label called "No Finding" nor one with the separator in it.
    """
    table = manifest.table
    is_nih = is_written_as_nih(manifest.vocabulary)
    columns: dict[str, Any] = {IMAGE_COL: list(map(guard_cell, table["image_id"]))}
    if is_nih:
        columns[LABELS_COL] = decode_labels(manifest.labels, manifest.vocabulary)
    columns[PATIENT_COL] = list(map(guard_cell, table["patient_id"]))
    columns[AGE_COL] = list(map(_write_age, table["age"]))
    columns[SEX_COLS[0]] = list(map(guard_cell, table["sex"]))
    columns[VIEW_COL] = list(map(guard_cell, table["view"]))
    if not is_nih:
        columns |= dict(zip(manifest.vocabulary, manifest.labels.T, strict=True))
    elif (manifest.labels == UNKNOWN).any():
        columns[UNKNOWN_COL] = decode_labels(
            manifest.labels, manifest.vocabulary, code=UNKNOWN, empty=""
        )
    return pd.DataFrame(columns).to_csv(index=False, lineterminator="\n").encode()


def _write_age(years: float) -> str:
    if years != years:
        return ""
    short = f"{years:g}"
    return short if float(short) == years else repr(float(years))
