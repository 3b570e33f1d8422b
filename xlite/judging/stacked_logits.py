"""What table and image say together of a label: the table's logit, and what fits of the image's.

N images, C labels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from xlite.scores.table_model import fit_logistic

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SMALLEST = 1e-7


def stack_logits(
    targets: NDArray[np.int8],
    scores: NDArray[np.float64],
    probs: NDArray[np.float64],
    folds: NDArray[np.int64],
) -> NDArray[np.float64]:
    """(N, C) logits of table and image together, fitted on other folds; with a weak ridge.

    The table's logit has the weight 1. A fitted one would learn from the fold that is left out,
    whose labels are behind the others' logits: an image of chance then added 0.02 to the table.
    """
    clipped = np.clip(probs, _SMALLEST, 1 - _SMALLEST)
    logits = np.log(clipped / (1 - clipped))
    logits = (logits - logits.mean(axis=0)) / np.maximum(logits.std(axis=0), _SMALLEST)
    stacked = scores.copy()
    penalty = np.diag([1.0, 1e-6])
    for c, of_label in enumerate(targets.T):
        design = sparse.csr_array(np.column_stack([logits[:, c], np.ones(len(logits))]))
        for fold in np.unique(folds):
            is_used, is_held = (folds != fold) & (of_label >= 0), folds == fold
            positives = (of_label[is_used] == 1).astype(np.float64)
            if 0 < positives.sum() < len(positives):
                weights = fit_logistic(
                    design[is_used],
                    positives,
                    np.ones(len(positives)),
                    penalty,
                    offset=scores[is_used, c],
                )
                stacked[is_held, c] += weights[0] * logits[is_held, c]
    return stacked
