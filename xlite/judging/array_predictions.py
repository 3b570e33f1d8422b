"""Predictions and labels that a caller has as arrays, row by row of the same images."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from xlite.arrays import column_names, read_judged, read_vector, refuse_entries
from xlite.errors import ArgumentError
from xlite.judging.judged_predictions import JudgedPredictions
from xlite.judging.labelled_predictions import AGE, LabelledPredictions

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


def read_judged_arrays(
    probs: ArrayLike,
    targets: ArrayLike | None,
    patients: ArrayLike | None,
    *,
    columns: Mapping[str, Iterable[Any]] | None = None,
) -> JudgedPredictions:
    """Predictions beside their labels; images are called by their rows, from 0.

    probs: (N, C) in [0, 1], or (N,) for one label. targets: the same shape, 1 present, 0 absent,
    -1 unknown. patients: (N,) ids. columns: (N,) each, to group by; "age" in years. Labels are
    called as the columns of targets or probs are, where these are tables. Raises ArgumentError
    where shapes or names do not fit together, and for other values.

    >>> judged = read_judged_arrays([0.9, 0.2], [1, 0], ["a", "b"])
    >>> judged.labelled.probs.tolist(), judged.labelled.vocabulary
    ([[0.9], [0.2]], ('class 0',))
    """
    if targets is None:
        raise ArgumentError("predictions that do not name their images need labels row by row.")
    if patients is None:
        raise ArgumentError(
            "every image needs its patient's id, since two films of one patient are not two "
            "observations. Pass patients, one id an image."
        )
    judged = read_judged(targets, {"predictions": probs}, patients=patients)
    [values] = judged.models
    refuse_entries(~((values >= 0) & (values <= 1)), "predictions outside [0, 1]")
    count = len(values)
    labelled = LabelledPredictions(
        name="predictions",
        image_ids=np.arange(count).astype(str).astype(object),
        patient_ids=np.asarray(judged.patients).astype(str).astype(object),
        targets=judged.targets,
        # In one order of memory, whose sums are the same to the last digit.
        probs=np.ascontiguousarray(values, dtype=np.float64),
        vocabulary=column_names(targets) or column_names(probs) or judged.labels,
        columns={name: _read_column(name, cells, count) for name, cells in (columns or {}).items()},
    )
    return JudgedPredictions(labelled=labelled, names_images=False)


def _read_column(name: str, cells: Iterable[Any], count: int) -> NDArray[Any]:
    if name == AGE:
        values: NDArray[Any] = read_vector(np.asarray(cells), AGE)
    else:
        texts = ["" if cell is None or cell != cell else str(cell) for cell in cells]
        values = np.array(texts, dtype=object)
    if len(values) != count:
        raise ArgumentError(f"{count} images need as many cells of {name!r}, got {len(values)}.")
    return values
