"""Thresholds beside predictions: files of xlite's, which say whom they have seen, and anyone's.

C labels.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from xlite.errors import InputError
from xlite.labels import simplify_label
from xlite.records import MAX_JSON_BYTES, read_own_bytes
from xlite.run_folder.thresholds_file import FittedOn, read_thresholds

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xlite.judging.examined.predictions import ExaminedPredictions

_MARK = "threshold"
"""What the name of such a file has in it."""


@dataclass(frozen=True, eq=False)
class ExaminedThresholds:
    """A threshold a label, and what is known of the images that they were fitted on."""

    path: Path
    values: Mapping[str, float]
    fitted_on: FittedOn | None
    """None for a file of anyone else's."""

    def values_of(self, labels: Sequence[str]) -> NDArray[np.float64]:
        """(C,) the thresholds of these labels, NaN where there is none."""
        known = {simplify_label(name): value for name, value in self.values.items()}
        return np.array([known.get(simplify_label(label), math.nan) for label in labels])


def find_thresholds(predictions: ExaminedPredictions) -> Iterator[ExaminedThresholds]:
    """The thresholds in the folder of predictions that they may be meant for.

    None for predictions of validation: that is where thresholds are to be fitted.
    """
    part = predictions.part or predictions.main_part
    if part == "val" or "val" in predictions.path.stem.lower():
        return
    for path in sorted(predictions.path.parent.glob("*.json")):
        if _MARK in path.name.lower():
            found = _read_ours(path) or _read_anyones(path)
            if found is not None:
                yield found


def _read_ours(path: Path) -> ExaminedThresholds | None:
    try:
        fitted, fitted_on = read_thresholds(path)
    except InputError:
        return None
    return ExaminedThresholds(
        path, dict(zip(fitted.vocabulary, fitted.thresholds.tolist(), strict=True)), fitted_on
    )


def _read_anyones(path: Path) -> ExaminedThresholds | None:
    """Numbers in [0, 1] by label, openly or one level below."""
    try:
        content = json.loads(read_own_bytes(path, max_bytes=MAX_JSON_BYTES, remedy=""))
    except (InputError, ValueError, RecursionError):
        return None
    nested = content.values() if isinstance(content, dict) else ()
    for table in (content, *nested):
        if isinstance(table, dict):
            values = {
                str(name): float(value)
                for name, value in table.items()
                if isinstance(value, int | float) and not isinstance(value, bool)
            }
            if values and all(0 <= value <= 1 for value in values.values()):
                return ExaminedThresholds(path, values, None)
    return None
