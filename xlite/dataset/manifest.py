"""The manifest: one row an image, with its patient and its labels."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from xlite.labels import UNKNOWN, decode_labels, has_no_finding

if TYPE_CHECKING:
    from numpy.typing import NDArray

IMAGE_COL = "Image Index"
LABELS_COL = "Finding Labels"
UNKNOWN_COL = "Unknown Labels"
PATIENT_COL = "Patient ID"
AGE_COL = "Patient Age"
SEX_COLS = ("Patient Gender", "Patient Sex")
VIEW_COL = "View Position"


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


def write_manifest(manifest: Manifest, path: Path) -> None:
    """Write a manifest in NIH's columns, so that other tools and `read_manifest` read it.

    A column "Unknown Labels" is added when the table has any.
    """
    table = manifest.table
    columns = {
        IMAGE_COL: table["image_id"],
        LABELS_COL: decode_labels(manifest.labels, manifest.vocabulary),
        PATIENT_COL: table["patient_id"],
        AGE_COL: [f"{age:g}" if age == age else "" for age in table["age"]],
        SEX_COLS[0]: table["sex"],
        VIEW_COL: table["view"],
    }
    if (manifest.labels == UNKNOWN).any():
        columns[UNKNOWN_COL] = decode_labels(
            manifest.labels, manifest.vocabulary, code=UNKNOWN, empty=""
        )
    pd.DataFrame(columns).to_csv(path, index=False, lineterminator="\n")
