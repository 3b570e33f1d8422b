"""XL021: images that a distributed validation predicted twice, to fill its last batches.

N rows of a file, in its order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from xlite.errors import InputError
from xlite.ids import canonical_image_names
from xlite.judging.checks.check import Check, Issue, Observation, Passed
from xlite.judging.examined.predictions import ExaminedPredictions
from xlite.judging.predictions_file import find_image_column
from xlite.tables.csv_table import open_csv

if TYPE_CHECKING:
    from numpy.typing import NDArray

_WORLD_SIZES = (2, 3, 4, 6, 8, 12, 16, 24, 32, 64)


def look(predictions: ExaminedPredictions) -> Observation:
    """The file's rows are read as they are. Each has to be of an image of its own, whatever the
    spelling. Where there are more rows than images, that their number is a multiple of a number of
    processes, by fewer rows than those, tells padding from other repetition.
    """
    try:
        file = predictions.file
    except InputError:
        return _look_at_table(predictions)
    # It is read already, by what refuses a name that stands there twice.
    return look_at_rows(file.names.tolist(), file.probs)


def _look_at_table(predictions: ExaminedPredictions) -> Observation:
    table = open_csv(predictions.path, remedy="Pass a CSV.")
    cells = table.take([name for name in dict.fromkeys(table.header) if name], is_guarded=True)
    image = find_image_column(table)
    probs = cells.drop(columns=image).apply(pd.to_numeric, errors="coerce")
    return look_at_rows(cells[image].tolist(), probs.to_numpy(dtype=np.float64))


def look_at_rows(names: Sequence[str], probs: NDArray[np.float64] | None = None) -> Observation:
    """Whether an image stands in more than one row.

    names: (N,), the images as the file names them. probs: (N, C), where they are known, to say
    whether the rows of an image agree.

    torch's DistributedSampler fills the last round of its processes with images from the list's
    beginning, so that the rows are a multiple of the processes and fewer than these too many.
    """
    codes, distinct = pd.factorize(canonical_image_names(names))
    num_rows, num_images = len(codes), len(distinct)
    extra = num_rows - num_images
    numbers = {"rows": float(num_rows), "images": float(num_images), "extra": float(extra)}
    if not extra:
        return Passed(f"each of its {num_rows:,} rows is of another image", numbers)
    is_extra = pd.Series(codes).duplicated().to_numpy()
    first = str(names[int(is_extra.argmax())])
    world = next(
        (w for w in _WORLD_SIZES if num_rows % w == 0 and num_images % w and extra < w), None
    )
    words = [f"{num_rows:,} rows are of {num_images:,} images: {extra:,} too many (first: {first})"]
    if world is not None:
        numbers["multiple"] = float(world)
        words.append(
            f"{num_rows:,} is a multiple of {world}, as {world} processes fill their last batch"
        )
    if probs is not None:
        differing = _count_disagreements(codes, is_extra, probs)
        numbers["disagreeing"] = float(differing)
        if differing:
            words.append(f"{differing:,} of the repeated rows have other probs than the first")
    return Issue("; ".join(words) + ".", numbers)


def _count_disagreements(
    codes: NDArray[np.int64], is_extra: NDArray[np.bool_], probs: NDArray[np.float64]
) -> int:
    """How many of the repeated rows differ from the first row of their image."""
    first_row = np.full(codes.max() + 1, -1)
    rows = np.flatnonzero(~is_extra)
    first_row[codes[rows]] = rows
    repeated = np.flatnonzero(is_extra)
    same = np.isclose(probs[repeated], probs[first_row[codes[repeated]]], atol=1e-6, equal_nan=True)
    return int((~same.all(axis=1)).sum())


CHECK = Check(
    code="XL021",
    title="images that are judged twice",
    severity="error",
    subject=ExaminedPredictions,
    look=look,
    consequence="Repeated images count twice in every score, and scores depend on the number of "
    "processes that computed them.",
    remedy="Predict on one process, or keep one row an image: the first of each.",
)
