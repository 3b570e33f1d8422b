"""How often each training image of a split is drawn or listed, as files of anyone say.

N images of training, each counted once.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from xlite.errors import InputError
from xlite.ids import match_image_names
from xlite.judging.examined.columns import find_columns
from xlite.labels import simplify_label
from xlite.tables.csv_table import open_csv

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xlite.judging.examined.split import ExaminedSplit

_TRAIN = "train"
_TIMES = ("draws", "timesdrawn", "numdraws", "drawn", "repeats", "repeat", "count", "counts")
"""What a column of such counts is called, in the spelling of `simplify_label`."""


@dataclass(frozen=True, eq=False)
class CountedImages:
    """Distinct images of a training part, and how often each is taken."""

    rows: NDArray[np.intp]
    """(N,) the row of each in the training table, the first where it stands there again."""
    times: NDArray[np.int64]
    """(N,) from 0."""
    source: str
    """What says so."""


def count_draws(split: ExaminedSplit) -> CountedImages | None:
    """How often training images are drawn, by a CSV beside the split, else by its list of images.

    None where neither says anything: no such file, and no image listed twice.
    """
    listed = count_listed(split)
    if listed is None:
        return None
    names = split.parts[_TRAIN].image_ids[listed.rows]
    for path in sorted(split.path.glob("*.csv")):
        times = None if path in split.files.values() else _read_times(path, names)
        if times is not None:
            return CountedImages(listed.rows, times, path.name)
    return listed if listed.times.max() > 1 else None


def count_listed(split: ExaminedSplit) -> CountedImages | None:
    """How often the training part lists each of its images; None for a split without one."""
    part = split.parts.get(_TRAIN)
    if part is None or not len(part):
        return None
    codes, distinct = pd.factorize(part.image_ids)
    rows = np.full(len(distinct), -1, dtype=np.intp)
    rows[codes[::-1]] = np.arange(len(codes))[::-1]
    times = np.bincount(codes, minlength=len(distinct))
    return CountedImages(rows, times, os.path.basename(part.path))  # noqa: PTH119


def _read_times(path: Path, names: NDArray[np.object_]) -> NDArray[np.int64] | None:
    """(N,) the counts of these images in a CSV; None for one that has none of most of them."""
    try:
        table = open_csv(path)
        counted = [name for name in table.header if simplify_label(name) in _TIMES]
        if len(counted) != 1:
            return None
        cells = table.take([name for name in dict.fromkeys(table.header) if name])
    except InputError:
        return None
    image = find_columns(cells, None).image
    values = pd.to_numeric(cells[counted[0]], errors="coerce").to_numpy(dtype=float)
    if image is None or image == counted[0] or not (np.isfinite(values) & (values >= 0)).all():
        return None
    at = match_image_names(cells[image], names)
    known = at >= 0
    if 2 * len(set(at[known].tolist())) < len(names):
        return None
    times = np.zeros(len(names), dtype=np.int64)
    np.add.at(times, at[known], values[known].astype(np.int64))
    return times if times.any() else None
