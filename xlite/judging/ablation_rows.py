"""The rows of an ablation: the scores of each variant and label, and how far they changed.

C labels.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from xlite.judging.paired_difference import PairedDifference
from xlite.judging.paired_differences import TESTED, JudgedMethods
from xlite.results.ablation import MACRO, VariantRow
from xlite.scores.class_scores import FEW_POSITIVES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xlite.judging.judged_chances import JudgedChances
    from xlite.judging.labelled_predictions import LabelledPredictions

_CHANCES = ("p_worse", "p_equivalent", "p_better")
_NO_CHANGE = {
    "change": 0.0,
    **dict.fromkeys(("change_low", "change_high", "p", "p_holm", *_CHANCES), math.nan),
}


def list_rows(
    judged: JudgedMethods,
    differences: Mapping[str, Mapping[str, PairedDifference]],
    chances: Mapping[str, Mapping[str, JudgedChances]],
    train_positives: NDArray[np.int64],
) -> list[VariantRow]:
    """Rows of variant x label, rarest in training first and the macro mean last.

    differences: from the baseline, by variant and score; the baseline itself has none. chances:
    theirs.
    train_positives: (C,).
    """
    columns = [*(int(c) for c in np.argsort(train_positives, kind="stable")), None]
    return [
        _build_row(
            judged, name, column, differences.get(name), chances.get(name, {}), train_positives
        )
        for name in (method.name for method in judged.methods)
        for column in columns
    ]


def _build_row(
    judged: JudgedMethods,
    variant: str,
    column: int | None,
    differences: Mapping[str, PairedDifference] | None,
    chances: Mapping[str, JudgedChances],
    train_positives: NDArray[np.int64],
) -> VariantRow:
    """column: of the label; None for the macro mean."""
    scores: dict[str, Any] = {}
    for score in TESTED:
        value = (
            judged.macro(variant, score)
            if column is None
            else judged.mean_scores(variant)[score][column]
        )
        change = _NO_CHANGE
        if differences:
            change = _read_change(differences[score], chances[score], column)
        scores[score] = float(value)
        scores |= {f"{score}_{name}": number for name, number in change.items()}
    return VariantRow(
        variant=variant,
        seeds=differences["auroc"].num_seeds if differences else len(judged.rows(variant)),
        **_count(judged.reference, column, train_positives),
        **scores,
    )


def _count(
    labelled: LabelledPredictions, column: int | None, train_positives: NDArray[np.int64]
) -> dict[str, Any]:
    if column is None:
        counts = ("train_positives", "val_positives", "few_positives")
        return {"label": MACRO, **dict.fromkeys(counts)}
    positives = int(labelled.positives[column])
    return {
        "label": labelled.vocabulary[column],
        "train_positives": int(train_positives[column]),
        "val_positives": positives,
        "few_positives": positives < FEW_POSITIVES,
    }


def _read_change(
    found: PairedDifference, chances: JudgedChances, column: int | None
) -> dict[str, float]:
    if column is None:
        # The macro mean is a single question: nothing to correct its p for.
        macro, mean = found.macro, chances.macro
        values = [macro.difference, macro.low, macro.high, macro.p, macro.p]
        values += [mean.worse, mean.equivalent, mean.better]
    else:
        arrays = [found.change, found.low, found.high, found.p, found.p_holm]
        each = chances.classes
        arrays += [each.worse, each.equivalent, each.better]
        values = [array[column] for array in arrays]
    return dict(zip(_NO_CHANGE, map(float, values), strict=True))
