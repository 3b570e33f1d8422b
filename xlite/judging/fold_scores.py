"""The scores of methods in each fold, and how far two methods differ over the folds.

F folds of all repeats, M methods times seeds, C labels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from xlite.scores.bootstrap import average_classes
from xlite.scores.class_scores import score_counts
from xlite.scores.fold_differences import FoldDifference, compare_folds
from xlite.scores.ranking import ranking_scores
from xlite.scores.thresholded import confusion_counts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xlite.judging.labelled_predictions import LabelledPredictions
    from xlite.judging.thresholding import ThresholdedCalls


@dataclass(frozen=True, eq=False, kw_only=True)
class FoldComparison:
    """One method minus another over the folds: of each class, (C,), and of their mean."""

    classes: FoldDifference
    macro: FoldDifference


@dataclass(frozen=True, eq=False, kw_only=True)
class FoldScores:
    """The scores of each fold's images alone."""

    num_folds: int
    """Those of one repeat."""
    repeats: int
    test_per_train: float
    """Patients of a test part for each one of a training part."""
    scores: Mapping[str, NDArray[np.float64]]
    """(M, F, C) each; NaN where no image of a fold has a label, or all have."""

    def compare(
        self, rows: NDArray[np.intp], columns: NDArray[np.intp], score: str, *, level: float
    ) -> FoldComparison:
        """The rows (2, S) of two methods against each other, the second minus the first.

        Seeds within a fold are averaged: the same patients under other seeds are no other fold.
        columns: the classes of the macro mean.
        """
        values = self.scores[score]
        change = (values[rows[1]] - values[rows[0]]).mean(axis=0)
        options: dict[str, Any] = {
            "repeats": self.repeats,
            "test_per_train": self.test_per_train,
            "level": level,
        }
        return FoldComparison(
            classes=compare_folds(change, **options),
            macro=compare_folds(average_classes(change[:, columns]), **options),
        )


def score_folds(
    labelled: Sequence[LabelledPredictions],
    calls: Sequence[ThresholdedCalls],
    folds: NDArray[np.intp],
) -> dict[str, NDArray[np.float64]]:
    """Scores (M, K, C) of pooled predictions in each of the folds (N,) that tested their images."""
    found: dict[str, list[list[NDArray[np.float64]]]] = {
        name: [] for name in ("auroc", "average_precision", "f1")
    }
    masks = [folds == number for number in np.unique(folds)]
    for one, called in zip(labelled, calls, strict=True):
        rankings = [ranking_scores(one.targets[mask], one.probs[mask]) for mask in masks]
        counts = [confusion_counts(called.targets[mask], called.is_called[mask]) for mask in masks]
        found["auroc"].append([ranking[0] for ranking in rankings])
        found["average_precision"].append([ranking[1] for ranking in rankings])
        found["f1"].append([score_counts(count)["f1"] for count in counts])
    return {name: np.array(values) for name, values in found.items()}
