"""A test part by the value of a column: a site, a view, a scanner that training never sees."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from xlite.errors import InputError, did_you_mean
from xlite.splitting.carving import NO_PART, TEST, TRAIN
from xlite.tables.columns import read_column
from xlite.tables.csv_table import show

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from xlite.tables.manifest import Manifest
    from xlite.tables.read_labels import LabelSource

_MOST_SHOWN = 10


def hold_out_images(
    labels: LabelSource | ArrayLike, manifest: Manifest, conditions: Sequence[str]
) -> NDArray[np.int64]:
    """Where each of N images is: in the test part where its column has one of the values.

    conditions: COLUMN=VALUE, of one column. Patients with an image in the test part are on that
    side: their other images are in no part. All else is in training. Raises InputError for a
    column or a value that is not there, and where nobody is left for training.
    """
    column, values = _read_conditions(conditions)
    cells = read_column(labels, column, manifest, option="--hold-out")
    known = pd.Series(cells)[cells != ""].value_counts()
    for value in values:
        if value not in known:
            shown = ", ".join(show(name)[1:-1] for name in known.index[:_MOST_SHOWN])
            raise InputError(
                f"--hold-out {column}={show(value)[1:-1]}: no image has this value."
                f"{did_you_mean(value, known.index)} There are: {shown}"
                + (", …." if len(known) > _MOST_SHOWN else ".")
            )
    is_test = np.isin(cells, values)
    is_of_tested = np.isin(manifest.patient_codes, manifest.patient_codes[is_test])
    part = np.where(is_test, TEST, np.where(is_of_tested, NO_PART, TRAIN))
    if not (part == TRAIN).any():
        raise InputError(
            f"--hold-out {', '.join(conditions)}: every patient has such an image, so that nobody "
            "is left for training. Hold out a value that fewer have."
        )
    return part


def _read_conditions(conditions: Sequence[str]) -> tuple[str, list[str]]:
    pairs = [condition.partition("=") for condition in conditions]
    for condition, (column, _, value) in zip(conditions, pairs, strict=True):
        if not column.strip() or not value.strip():
            raise InputError(
                f"--hold-out {show(condition)} is not COLUMN=VALUE, such as view=AP or site=B."
            )
    columns = list(dict.fromkeys(column.strip() for column, _, _ in pairs))
    if len(columns) > 1:
        raise InputError(
            f"--hold-out names {' and '.join(columns)}. Hold out values of one column."
        )
    return columns[0], [value.strip() for _, _, value in pairs]
