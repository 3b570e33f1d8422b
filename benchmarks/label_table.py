"""From the column of label texts to one sampling weight an image, 112,120 rows.

Reading the file is left out: every contender reads it with pandas.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.measure import Row, compare_rates, compare_times, time_in_turns
from benchmarks.nih_table import find_nih_table
from xlite.errors import CheckFailedError
from xlite.labels import NIH_LABELS, encode_label_texts
from xlite.sampling.weights import sampling_weights
from xlite.settings import SamplerSettings

_COLUMN = "Finding Labels"
_TITLE = "label texts to weights, 112,120 rows"

Weights = NDArray[np.float64]


def run() -> list[Row]:
    """The rows of mean inverse weights; none, with a warning, where the table is not installed."""
    path = find_nih_table(reader="label_table")
    if path is None:
        return []
    table = pd.read_csv(path, usecols=[_COLUMN])
    contenders: dict[str, Callable[[pd.DataFrame], Weights]] = {
        "xlite": _weigh,
        "row by row": _weigh_row_by_row,
        "limit": _weigh_vectorised,
    }
    results = {name: weigh(table) for name, weigh in contenders.items()}
    for name, weights in results.items():
        if not np.allclose(weights / weights.mean(), results["xlite"]):
            raise CheckFailedError(f"the weights of {name} are not those of xlite.")

    def work_of(weigh: Callable[[pd.DataFrame], Weights]) -> Callable[[], int]:
        return lambda: len(weigh(table)) // len(table)

    seconds = time_in_turns({name: work_of(weigh) for name, weigh in contenders.items()}, rounds=9)
    return [
        compare_times(
            f"{_TITLE}: one hash a row, then numpy",
            seconds,
            ours="xlite",
            peer="limit",
            target=1.5,
        ),
        compare_rates(
            f"{_TITLE}: pandas, a pass a label and a loop over rows",
            seconds,
            ours="xlite",
            peer="row by row",
            target=None,
            unit="tables/s",
        ),
    ]


def _weigh(table: pd.DataFrame) -> Weights:
    labels = encode_label_texts(table[_COLUMN].to_numpy(), NIH_LABELS)
    weights = sampling_weights(labels, SamplerSettings(name="inverse-mean"))
    assert weights is not None
    return weights


def _weigh_row_by_row(table: pd.DataFrame) -> Weights:
    labels = np.stack(
        [table[_COLUMN].apply(lambda text, one=name: one in text) for name in NIH_LABELS], axis=1
    ).astype(np.float64)
    class_weights = 1.0 / (labels.sum(axis=0) + 1)
    smallest = class_weights.min()
    weights: list[Any] = []
    for row in labels:
        present = row > 0
        weights.append(class_weights[present].mean() if present.any() else smallest)
    return np.array(weights)


def _weigh_vectorised(table: pd.DataFrame) -> Weights:
    codes, texts = pd.factorize(table[_COLUMN].to_numpy(dtype=object))
    column = {name: position for position, name in enumerate(NIH_LABELS)}
    patterns = np.zeros((len(texts), len(NIH_LABELS)), np.int8)
    for row, text in enumerate(texts):
        for name in text.split("|"):
            if name in column:
                patterns[row, column[name]] = 1
    labels = patterns[codes]
    class_weights = 1.0 / (labels.sum(axis=0, dtype=np.int64) + 1)
    num_present = labels.sum(axis=1, dtype=np.int64)
    sums = labels @ class_weights
    weights: Weights = np.where(
        num_present > 0, sums / np.maximum(num_present, 1), class_weights.min()
    )
    weights /= weights.mean()
    return weights
