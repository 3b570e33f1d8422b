"""What is stratified over besides the labels: the values of further columns.

N images, S strata.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from xlite.errors import InputError
from xlite.tables.columns import read_column

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from xlite.tables.manifest import Manifest
    from xlite.tables.read_labels import LabelSource

OTHER = "other"
NOT_KNOWN = "unknown"

_MOST_VALUES = 20
_NUM_RANGES = 4


@dataclass(frozen=True)
class Strata:
    """The values of some columns, an image being in one stratum of each."""

    values: dict[str, NDArray[Any]]
    """(N,) text by column."""
    warnings: tuple[str, ...] = ()

    @property
    def indicators(self) -> NDArray[np.bool_]:
        """(N, S) whether an image is in a stratum, in the order of `names`."""
        columns = [
            self.values[column] == value for column, names in self.names.items() for value in names
        ]
        return np.stack(columns, axis=1)

    @property
    def names(self) -> dict[str, list[str]]:
        """The strata of each column, sorted."""
        return {column: sorted(set(values.tolist())) for column, values in self.values.items()}

    def select(self, rows: NDArray[np.bool_]) -> Strata:
        """The strata of some images."""
        return Strata({column: values[rows] for column, values in self.values.items()})


def read_strata(
    labels: LabelSource | ArrayLike,
    stratify: str | Sequence[str],
    manifest: Manifest,
    *,
    num_parts: int,
) -> Strata | None:
    """The strata of the columns named by `stratify`; None where it names none.

    labels: what the manifest of N images was made of. A column of more than 20 different numbers
    is cut into four ranges of equally many images. Values with fewer patients than parts can't be
    in each: they become one stratum, "other", which is said. Empty cells are "unknown". Raises
    InputError for a column that is not there, and for more than 20 values that are no numbers.
    """
    names = (stratify,) if isinstance(stratify, str) else tuple(dict.fromkeys(stratify))
    columns = {name: read_column(labels, name, manifest, option="--stratify") for name in names}
    if not columns:
        return None
    warnings: list[str] = []
    values = {}
    for name, cells in columns.items():
        found = _cut_into_ranges(name, cells)
        patients = pd.Series(manifest.patient_codes).groupby(found).nunique()
        rare = sorted(patients[patients < num_parts].index)
        if rare:
            shown = ", ".join(f"{value} ({patients[value]})" for value in rare[:5])
            warnings.append(
                f"--stratify {name}: {len(rare)} of {len(patients)} values have fewer patients "
                f"than there are parts, and count as one, {OTHER!r}: {shown}"
                + (", …" if len(rare) > len(rare[:5]) else "")
                + "."
            )
        values[name] = np.where(np.isin(found, rare), OTHER, found).astype(object)
    return Strata(values, tuple(warnings))


def _cut_into_ranges(name: str, cells: NDArray[Any]) -> NDArray[Any]:
    """(N,) text with at most 20 values, and "unknown" where a cell is empty."""
    found = np.where(cells == "", NOT_KNOWN, cells).astype(object)
    num_values = len(set(found.tolist()) - {NOT_KNOWN})
    if num_values <= _MOST_VALUES:
        return found
    numbers = pd.to_numeric(pd.Series(cells).where(cells != ""), errors="coerce")
    if (numbers.isna() & (cells != "")).any():
        raise InputError(
            f"--stratify {name}: the column has {num_values} values, and at most {_MOST_VALUES} "
            "can be stratified over, or numbers, which are cut into ranges. Name another."
        )
    ranges = pd.qcut(numbers, _NUM_RANGES, duplicates="drop")
    texts = [NOT_KNOWN if pd.isna(one) else f"{one.left:g} to {one.right:g}" for one in ranges]
    return np.array(texts, dtype=object)
