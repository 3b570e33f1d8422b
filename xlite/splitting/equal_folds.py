"""Folds of equal shares: each label's positive patients are dealt out evenly. No files, no text.

N images, P patients, C labels, S strata, K folds.

Where a split's parts are judged by prevalence, a fold of a small set is judged by whole patients:
with five patients of a rare label one belongs in each of five folds. So what is lowered here is
the squared distance of each fold's positive patients from a K-th of all, the same for a rare label
as for a common one; at its minimum, every label has a K-th of its patients in each fold, rounded
down or up. Numbers of images come second: a patient with many images can't be divided.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from xlite.errors import InputError
from xlite.splitting.patient_disjoint import count_by_patient, sample_systematically
from xlite.splitting.patient_exchange import MAX_ROUNDS, exchange_patients

if TYPE_CHECKING:
    from numpy.typing import NDArray

# What the images of one typical positive patient weigh against the patient. At half of it and at
# five times as much folds of 621 images came out the same; without it sizes differed by 40 images.
_IMAGE_WEIGHT = 0.02
# NIH's 30,805 patients are within one of the ideal after some 700 rounds of 0.5 ms.
_ROUNDS_OF_A_START = 1_000


def assign_folds(
    labels: NDArray[np.int8],
    patient_codes: NDArray[np.integer],
    *,
    num_folds: int,
    rng: np.random.Generator,
    strata: NDArray[np.bool_] | None = None,
) -> NDArray[np.int64]:
    """The fold of each image, (N,) in 0 … K - 1; a patient's images share one.

    labels: (N, C), of which only 1 counts as positive. patient_codes: (N,) integers; their order
    keys the randomness, as in `assign_patients`. strata: (N, S) what is dealt out besides the
    labels and no finding. Raises InputError for fewer patients than folds.

    >>> labels = np.array([[1], [1], [0], [0], [1], [1], [0], [0]], dtype=np.int8)
    >>> rng = np.random.default_rng(0)
    >>> fold = assign_folds(labels, np.arange(8) // 2, num_folds=2, rng=rng)
    >>> np.bincount(fold, weights=labels[:, 0])
    array([2., 2.])
    """
    patients, patient_of_row = np.unique(patient_codes, return_inverse=True)
    if len(patients) < num_folds:
        raise InputError(
            f"{len(patients)} patients can't fill {num_folds} folds: a patient's images stay "
            "together. Make fewer folds."
        )
    counts = count_by_patient(labels, patient_of_row, len(patients), strata)
    shares = np.full(num_folds, 1 / num_folds)
    is_free = np.ones(len(patients), dtype=np.bool_)
    weights = np.concatenate([_weigh_images(counts), np.ones(counts.shape[1])])
    best, least, rounds = np.zeros(len(patients), dtype=np.int64), np.inf, MAX_ROUNDS
    # From one start in fourteen, on tables of 621 images, no exchange leads to within a patient of
    # the ideal for all labels.
    while least >= 1 and rounds > 0:
        fold = sample_systematically(counts, shares, rng)
        most = min(rounds, _ROUNDS_OF_A_START)
        # A start counts for one round at least: one that is sound as it is needs none.
        rounds -= 1 + exchange_patients(
            fold, counts, shares, is_free, rng, weights=weights, rounds=most
        )
        excess = measure_excess(count_patients(counts, fold, num_folds))
        if excess < least:
            best, least = fold, excess
    return best[patient_of_row]


def count_patients(
    counts: NDArray[np.int64], fold: NDArray[np.integer], num_folds: int
) -> NDArray[np.int64]:
    """(K, F) patients in each fold who have an image of each of (P, F) `counts`."""
    return np.array([(counts[fold == k] > 0).sum(axis=0) for k in range(num_folds)])


def measure_excess(patients: NDArray[np.int64]) -> float:
    """The largest distance of (K, F) positive patients from a K-th of all, in patients.

    >>> measure_excess(np.array([[1, 2], [2, 2]]))
    0.5
    """
    num_folds = len(patients)
    return float(np.abs(num_folds * patients - patients.sum(axis=0)).max()) / num_folds


def _weigh_images(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """(F,) weights by which an image counts against a patient, for each quantity."""
    num_positive = np.count_nonzero(counts, axis=0)
    mean_square = (counts**2).sum(axis=0) / np.maximum(num_positive, 1)
    weights: NDArray[np.float64] = _IMAGE_WEIGHT / np.maximum(mean_square, 1)
    return weights
