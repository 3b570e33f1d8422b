"""One number from C classes: weighted over classes, or pooled over their entries.

N images, C classes. Targets are (N, C) int8: 1 present, 0 absent, -1 unknown. The macro mean, where
every class weighs the same, is `macro_mean` in `ranking`. It answers how good a model is at a
finding; a weighted mean and a pooled ("micro") score answer that for common findings, mostly.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from xlite.scores.ranking import PerClass, Probs, Targets, check_scores, ranking_scores
from xlite.scores.thresholded import ConfusionCounts


def weighted_mean(values: PerClass, weights: NDArray[np.number]) -> float:
    """The mean of (C,) scores weighted by (C,), by the numbers of positives say.

    Undefined (NaN) scores leave with their weight; NaN when no weight is left.

    >>> weighted_mean(np.array([0.5, np.nan, 0.75]), np.array([100, 50, 300]))
    0.6875
    """
    defined = ~np.isnan(values)
    total = float(weights[defined].sum())
    return float(values[defined] @ weights[defined]) / total if total > 0 else float("nan")


def pool_classes(counts: ConfusionCounts) -> ConfusionCounts:
    """The confusion matrices of C classes summed into one, (1,): the base of micro scores.

    >>> from xlite.scores.thresholded import confusion_counts, f1
    >>> targets = np.array([[1, 0], [1, 1]], dtype=np.int8)
    >>> counts = confusion_counts(targets, np.array([[True, True], [True, False]]))
    >>> f1(pool_classes(counts)).round(3).tolist()
    [0.667]
    """
    return ConfusionCounts(
        true_positives=counts.true_positives.sum(keepdims=True),
        false_positives=counts.false_positives.sum(keepdims=True),
        false_negatives=counts.false_negatives.sum(keepdims=True),
        true_negatives=counts.true_negatives.sum(keepdims=True),
    )


def micro_ranking_scores(targets: Targets, probs: Probs) -> tuple[float, float]:
    """AUROC and average precision over all N · C entries at once, as if of one class.

    It rewards knowing which findings are common, apart from any image; see scikit-learn's "micro".
    """
    check_scores(targets, probs)
    auroc, precision = ranking_scores(targets.reshape(-1, 1), probs.reshape(-1, 1))
    return float(auroc[0]), float(precision[0])
