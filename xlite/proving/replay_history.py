"""A run's `history.csv` against what its epochs and its model have said of validation.

The row of the best epoch is that of the predictions. Of the others what was said is kept in half
precision, which keeps the order but for new ties: each AUROC lies between those with all new ties
lost and all won. Losses, rates and times, and the scores on training images, take the images.
N images, C labels.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from xlite.places import VALIDATION
from xlite.proving.project import BundledProject
from xlite.run_folder.epoch_predictions import read_epoch_logits
from xlite.run_folder.folder import RunFolder
from xlite.training.epoch_row import score_probs

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xlite.judging.labelled_predictions import LabelledPredictions

_ROUNDING = 1e-9
_SCORE = f"{VALIDATION}_auroc"


def score_best_row(project: BundledProject, run: RunFolder) -> dict[str, float]:
    """The validation scores of a run's best epoch by column; none without a validation part."""
    if VALIDATION not in project.split_of(run).parts:
        return {}
    labelled = project.labelled(run.name)
    macro, classes = score_probs(
        VALIDATION,
        labelled.targets,
        labelled.probs,
        labelled.vocabulary,
        labelled.patient_ids,
    )
    return {**macro, **classes}


def find_faults(
    project: BundledProject, run: RunFolder
) -> Iterator[tuple[int, str, float, tuple[float, float]]]:
    """The AUROCs of other epochs that can't be: epoch, column, number, and the limits it is in."""
    if VALIDATION not in project.split_of(run).parts:
        return
    labelled = project.labelled(run.name)
    for place, row in enumerate(run.history):
        logits = read_epoch_logits(run.path, place + 1, labelled.targets.shape)
        if logits is None or place + 1 == run.require_scores().best_epoch:
            continue
        for column, (low, high) in _bound_aurocs(labelled, logits).items():
            stated = row.get(column, math.nan)
            if math.isnan(stated) != math.isnan(low) or not (
                math.isnan(low) or low - _ROUNDING <= stated <= high + _ROUNDING
            ):
                yield place + 1, column, stated, (low, high)


def _bound_aurocs(
    labelled: LabelledPredictions, logits: NDArray[np.float64]
) -> dict[str, tuple[float, float]]:
    """By column: the AUROC with all ties lost, and with all won."""
    found = {}
    for column, label in enumerate(labelled.vocabulary):
        targets, scores = labelled.targets[:, column], logits[:, column]
        positives, negatives = scores[targets == 1], np.sort(scores[targets == 0])
        pairs = positives.size * negatives.size
        low = high = math.nan
        if pairs:
            low = float(negatives.searchsorted(positives, side="left").sum()) / pairs
            high = float(negatives.searchsorted(positives, side="right").sum()) / pairs
        found[f"{_SCORE}_{label}"] = (low, high)
    limits = np.array(list(found.values()))
    defined = limits[~np.isnan(limits[:, 0])]
    found[_SCORE] = tuple(defined.mean(axis=0).tolist()) if len(defined) else (math.nan, math.nan)
    return found
