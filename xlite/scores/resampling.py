"""Resamples of patients as weights, and one ranking that every resample weighs.

N images of P patients, C classes, K distinct scores among the positives of one class. Targets are
(N, C) int8: 1 present, 0 absent, -1 unknown; an unknown entry is left out of its class alone.

A resample draws P patients with replacement; how often it drew each is its weight, and no row is
ever copied. The number of negatives between two neighbouring positive scores is a sparse (K, P)
matrix, times the (P, R) weights of R resamples, summed up along K. Counts stay exact integers in
float64. Only the scores of positives are ranks of their own, so that a class costs its number of
images once, in a sparse product, and its number of positives for the rest.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from xlite.errors import ArgumentError
from xlite.scores.ranking import Probs, Targets

Weights = NDArray[np.float64]

# Resamples weighed at once: (6,059, 32) weights fit the second-level cache. 128 took twice as long.
_CHUNK = 32

_COUNT = np.uint16
_MOST_KEPT = 1 << 25
"""Patients times resamples: 64 MiB. 2,000 of 6,200 patients take a third, and 0.1 s to draw."""
_NUM_KEPT = 2
"""Validation and test part."""
_KEPT: dict[tuple[int, int, str], tuple[list[tuple[slice, NDArray[np.uint16]]], Any]] = {}
"""Resamples with the state of the generator behind them, the last used last."""


class RankedClass(NamedTuple):
    """The ranking of one class by one model, thresholds ascending."""

    thresholds: NDArray[np.float64]
    """(K,) distinct scores of the positives."""
    outranked: sparse.csr_matrix
    """(K + 1, P) negatives below threshold k but not below k - 1; the last row: below none."""
    tied: sparse.csr_matrix | None
    """(K, P) negatives whose score equals threshold k; None without any."""
    positives: sparse.csr_matrix
    """(K, P) positives whose score equals threshold k."""
    holders: NDArray[np.intp] | None = None
    """(K,) the patient of each threshold's positive; None where some threshold has several."""

    def weigh_positives(self, weights: Weights) -> Weights:
        """Positives at each threshold, (K, R), for weights (P, R)."""
        if self.holders is not None:
            # The same rows as the product has, in a third of its time.
            return weights.take(self.holders, axis=0)
        return np.asarray(self.positives @ weights)

    def weigh_negatives_below(self, weights: Weights) -> tuple[Weights, Weights]:
        """Negatives strictly below each threshold, (K, R), and all of them, (R,)."""
        below = np.asarray(self.outranked @ weights)
        np.cumsum(below, axis=0, out=below)
        return below[:-1], below[-1]


def rank_classes(
    targets: Targets, probs: Probs, patients: NDArray[np.intp], num_patients: int
) -> list[RankedClass]:
    """The ranking of each class of (N, C) targets and finite probs; patients: (N,) in [0, P)."""

    def count(cells: NDArray[np.intp], rows: NDArray[np.bool_], size: int) -> sparse.csr_matrix:
        shape = (size, num_patients)
        return sparse.csr_matrix((np.ones(cells.size), (cells, patients[rows])), shape=shape)

    classes = []
    for column in range(targets.shape[1]):
        is_positive, is_negative = targets[:, column] == 1, targets[:, column] == 0
        scores = probs[:, column].astype(np.float64)
        thresholds, at = np.unique(scores[is_positive], return_inverse=True)
        is_alone = thresholds.size == at.size
        reached = thresholds.searchsorted(scores[is_negative], side="right")
        not_below = thresholds.searchsorted(scores[is_negative], side="left")
        is_tied = reached > not_below
        tied = None
        if is_tied.any():
            rows = is_negative.copy()
            rows[is_negative] = is_tied
            tied = count(not_below[is_tied], rows, thresholds.size)
        classes.append(
            RankedClass(
                thresholds=thresholds,
                outranked=count(reached, is_negative, thresholds.size + 1),
                tied=tied,
                positives=count(at, is_positive, thresholds.size),
                holders=patients[is_positive][np.argsort(at)] if is_alone else None,
            )
        )
    return classes


def number_patients(groups: NDArray[Any], num_rows: int) -> tuple[NDArray[np.intp], int]:
    """The index of each row's patient, (N,) in [0, P), and P; groups: (N,) patient ids.

    Raises ArgumentError when there are no rows, or not one id a row.
    """
    if num_rows == 0:
        raise ArgumentError("there are no rows to resample")
    if groups.shape != (num_rows,):
        raise ArgumentError(f"{num_rows} rows need as many groups, got {groups.shape}")
    distinct, patients = np.unique(groups, return_inverse=True)
    return patients.astype(np.intp), distinct.size


def count_freedom(rests_on: NDArray[np.bool_], groups: NDArray[Any]) -> NDArray[np.float64]:
    """The number of patients with an entry that a class's score rests on, less one: (C,), ≥ 0.

    rests_on: (N, C), such as `targets == 1`. groups: (N,) patient ids.

    >>> present = np.array([[True, False], [True, False], [True, True]])
    >>> count_freedom(present, np.array(["p", "p", "q"])).tolist()
    [1.0, 0.0]
    """
    patients, _ = number_patients(groups, len(rests_on))
    counts = [np.count_nonzero(np.bincount(patients[column])) for column in rests_on.T]
    return np.maximum(np.array(counts, dtype=np.float64) - 1, 0)


def draw_weights(
    num_patients: int, num_resamples: int, rng: np.random.Generator
) -> Iterator[tuple[slice, Weights]]:
    """The resamples of each chunk as a slice, and how often they draw each patient, (P, chunk).

    Resample by resample, so that the draws do not depend on the size of a chunk. All that is judged
    on the same patients sees the same resamples: those drawn last are kept, and what is asked of
    them again in the same state of the generator is not drawn again.
    """
    if num_patients * num_resamples > _MOST_KEPT or num_patients > np.iinfo(_COUNT).max:
        yield from _draw(num_patients, num_resamples, rng)
        return
    key = num_patients, num_resamples, repr(rng.bit_generator.state)
    kept = _KEPT.pop(key, None)
    if kept is None:
        chunks = [
            (chunk, weights.astype(_COUNT))
            for chunk, weights in _draw(num_patients, num_resamples, rng)
        ]
        kept = chunks, rng.bit_generator.state
    _KEPT[key] = kept
    while len(_KEPT) > _NUM_KEPT:
        del _KEPT[next(iter(_KEPT))]
    rng.bit_generator.state = kept[1]
    for chunk, counts in kept[0]:
        yield chunk, counts.astype(np.float64)


def _draw(
    num_patients: int, num_resamples: int, rng: np.random.Generator
) -> Iterator[tuple[slice, Weights]]:
    for start in range(0, num_resamples, _CHUNK):
        size = min(_CHUNK, num_resamples - start)
        weights = np.empty((num_patients, size))
        for column in range(size):
            drawn = rng.integers(num_patients, size=num_patients)
            weights[:, column] = np.bincount(drawn, minlength=num_patients)
        yield slice(start, start + size), weights
