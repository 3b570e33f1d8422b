"""Scores of calls under resampling of patients, the calls being as they are.

N images of P patients, C classes, R resamples. Targets are (N, C) int8: 1 present, 0 absent, -1
unknown; an unknown entry is left out of its class alone.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from xlite.scores.bootstrap import Resampled
from xlite.scores.class_scores import score_counts
from xlite.scores.ranking import Targets
from xlite.scores.resampling import draw_weights, number_patients
from xlite.scores.thresholded import ConfusionCounts


def resample_calls(
    targets: Targets,
    is_called: NDArray[np.bool_],
    groups: NDArray[Any],
    *,
    rng: np.random.Generator,
    num_resamples: int = 1000,
) -> dict[str, Resampled]:
    """Each score of `score_counts` of each class in each resample of the patients: (R, C).

    targets, is_called: (N, C). groups: (N,) patient ids, drawn with replacement, each with all of
    its images; the resamples are those of `resample_scores` with the same generator. NaN where a
    score is undefined in a resample.

    >>> targets = np.array([[1], [0], [1], [0]], dtype=np.int8)
    >>> calls, patients = targets == 1, np.array(["p", "p", "q", "q"])
    >>> drawn = resample_calls(targets, calls, patients, rng=np.random.default_rng(0))
    >>> drawn["recall"].shape, float(drawn["recall"].min())
    ((1000, 1), 1.0)
    """
    patients, num_patients = number_patients(groups, len(targets))
    is_present, is_absent = targets == 1, targets == 0
    cells = {
        "true_positives": is_present & is_called,
        "false_positives": is_absent & is_called,
        "false_negatives": is_present & ~is_called,
        "true_negatives": is_absent & ~is_called,
    }
    num_classes = targets.shape[1]
    by_patient = np.zeros((num_patients, len(cells) * num_classes))
    np.add.at(by_patient, patients, np.hstack(list(cells.values())).astype(np.float64))
    drawn: dict[str, Resampled] = {}
    for chunk, weights in draw_weights(num_patients, num_resamples, rng):
        sums = np.rint(weights.T @ by_patient).astype(np.int64)
        parts = np.split(sums, len(cells), axis=1)
        scores = score_counts(ConfusionCounts(**dict(zip(cells, parts, strict=True))))
        for name, values in scores.items():
            drawn.setdefault(name, np.full((num_resamples, num_classes), np.nan))[chunk] = values
    return drawn
