"""Label sets, max-entropy weights and their exposure, against the rows that numpy must sort."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.measure import Row, compare_times, time_in_turns
from xlite.sampling.exposure import expected_exposure
from xlite.sampling.label_sets import find_label_sets
from xlite.sampling.max_entropy import fit_max_entropy
from xlite.synthetic.label_draws import nih_label_sets

_NUM_ROWS = 1_000_000


def run() -> list[Row]:
    """The row of a million images with NIH's label sets: all that balance needs, in one go."""
    patterns, counts = nih_label_sets()
    rng = np.random.default_rng(0)
    rows = rng.choice(len(counts), size=_NUM_ROWS, p=counts / counts.sum())
    labels = patterns[rows]
    seconds = time_in_turns(
        {"xlite": lambda: _balance(labels), "np.unique": lambda: _sort_rows(labels)}, rounds=3
    )
    return [
        compare_times(
            "1 M rows to max-entropy weights and exposure: np.unique(axis=0) alone",
            seconds,
            ours="xlite",
            peer="np.unique",
            target=None,
        )
    ]


def _balance(labels: NDArray[np.int8]) -> int:
    sets = find_label_sets(labels)
    weights: NDArray[Any] = fit_max_entropy(sets).set_weights[sets.inverse]
    assert expected_exposure(sets, weights).cv < 1e-3
    return 1


def _sort_rows(labels: NDArray[np.int8]) -> int:
    np.unique(labels, axis=0, return_inverse=True)
    return 1


if __name__ == "__main__":
    import json
    import sys

    sys.stdout.write(json.dumps(run(), indent=2) + "\n")
