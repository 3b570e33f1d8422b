"""Scores of parts of the images: by view, sex, age or any other column.

N images, C labels, R resamples. Each group is held against the rest of the images under the same
resamples of the patients, so that a patient with images in both is taken account of.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.special import ndtr

from xlite.errors import InputError, did_you_mean
from xlite.judging.evaluation import Resampling
from xlite.judging.labelled_predictions import AGE, LabelledPredictions
from xlite.labels import UNKNOWN
from xlite.results.subgroups import GroupLabelScores, GroupMacroScores, Subgroup
from xlite.scores.auroc_interval import auroc_interval, macro_auroc_interval
from xlite.scores.bootstrap import (
    average_classes,
    percentile_interval,
    resample_scores,
)
from xlite.scores.class_scores import FEW_POSITIVES
from xlite.scores.multiplicity import adjust_holm
from xlite.scores.ranking import ranking_scores

if TYPE_CHECKING:
    from numpy.typing import NDArray

NOT_KNOWN = "unknown"

_AGE_EDGES = (0, 18, 40, 60, 80, np.inf)
AGE_BANDS = ("0-17", "18-39", "40-59", "60-79", "80+")
_MOST_GROUPS = 20


def band_ages(years: NDArray[Any]) -> NDArray[Any]:
    """The age band of each of (N,) ages in years; "unknown" where there is none.

    >>> band_ages(np.array([0.5, 17.9, 18, 79, 80, np.nan])).tolist()
    ['0-17', '0-17', '18-39', '60-79', '80+', 'unknown']
    """
    bands = pd.cut(years.astype(np.float64), _AGE_EDGES, right=False, labels=AGE_BANDS)
    return np.where(pd.isna(bands), NOT_KNOWN, np.asarray(bands, dtype=object)).astype(object)


def assign_groups(labelled: LabelledPredictions, column: str) -> NDArray[Any]:
    """The group of each of N images, as text; ages in bands, "unknown" where the cell is empty.

    Raises InputError for a column that is not there, empty, or has more than 20 values.
    """
    if column not in labelled.columns:
        raise InputError(
            f"there is no column {column!r} to group by.{did_you_mean(column, labelled.columns)} "
            f"There are: {', '.join(labelled.columns)}."
        )
    values = labelled.columns[column]
    if column == AGE:
        groups = band_ages(values)
    else:
        groups = np.array([str(value).strip() or NOT_KNOWN for value in values], dtype=object)
    distinct = np.unique(groups)
    if len(distinct) > _MOST_GROUPS:
        raise InputError(
            f"column {column!r} has {len(distinct)} values, more than {_MOST_GROUPS} groups. "
            "Group by a column with fewer."
        )
    if distinct.tolist() == [NOT_KNOWN]:
        raise InputError(f"column {column!r} is empty for every image.")
    return groups


def judge_subgroups(
    labelled: LabelledPredictions, column: str, *, resampling: Resampling | None = None
) -> list[Subgroup]:
    """The AUROC of each group of a column, by label and macro, against that of all other images.

    The test of a difference takes its standard deviation over resampled patients as its error,
    which of few positives is far too small: a label with fewer than 30 positives or negatives in
    the group or in the rest is not tested (NaN), nor is it in the macro difference. p is corrected
    by Holm's method over the labels of all groups of the column, and that of macro over the groups.
    A group in which most labels have under 30 positives is small.
    """
    resampling = resampling or Resampling()
    values = assign_groups(labelled, column)
    names = [name for name in AGE_BANDS if name in values] if column == AGE else []
    names += sorted(set(values.tolist()) - {*names, NOT_KNOWN})
    names += [NOT_KNOWN] if NOT_KNOWN in values else []
    groups = [_judge_group(labelled, column, name, values == name, resampling) for name in names]
    # Of two groups each is the other's rest: one question, asked once.
    asked = groups[:1] if len(groups) == 2 else groups
    times = len(groups) // len(asked)
    of_macro = _warrant([group.macro for group in asked], resampling.level) * times
    of_labels = _warrant(
        [row for group in asked for row in group.per_class.values()], resampling.level
    )
    each = iter(of_labels * times)
    return [
        replace(
            group,
            macro=replace(group.macro, **warranted),
            per_class={label: replace(row, **next(each)) for label, row in group.per_class.items()},
        )
        for group, warranted in zip(groups, of_macro, strict=True)
    ]


def _judge_group(
    labelled: LabelledPredictions,
    column: str,
    name: str,
    is_in: NDArray[np.bool_],
    resampling: Resampling,
) -> Subgroup:
    """The group without what is corrected for others: `p_holm` is NaN, and nothing differs."""
    # Labels of the others count as unknown: then both sides see the same resamples of patients.
    sides = [
        np.where(side[:, None], labelled.targets, np.int8(UNKNOWN)).astype(np.int8)
        for side in (is_in, ~is_in)
    ]
    level, patients = resampling.level, labelled.patient_ids
    drawn = [
        resample_scores(
            targets,
            [labelled.probs],
            patients,
            rng=resampling.generator(),
            num_resamples=resampling.num_resamples,
        )["auroc"][0]
        for targets in sides
    ]
    inside = auroc_interval(sides[0], labelled.probs, patients=patients, level=level)
    auroc, rest = inside.auroc, ranking_scores(sides[1], labelled.probs)[0]
    positives = (sides[0] == 1).sum(axis=0)
    scarcest = np.min([(side == code).sum(axis=0) for side in sides for code in (0, 1)], axis=0)
    is_tested = scarcest >= FEW_POSITIVES
    own = ~np.isnan(auroc)
    whole_low, whole_high = macro_auroc_interval(inside, drawn[0], level=level)
    differences = np.where(is_tested, drawn[0] - drawn[1], np.nan)
    change = _mean(auroc[is_tested]) - _mean(rest[is_tested])
    return Subgroup(
        column=column,
        group=name,
        images=int(is_in.sum()),
        patients=len(np.unique(patients[is_in])),
        is_small=bool((positives < FEW_POSITIVES).mean() > 0.5),
        macro=GroupMacroScores(
            positives=int(positives.sum()),
            auroc=_mean(auroc[own]),
            auroc_low=whole_low,
            auroc_high=whole_high,
            num_tested=int(is_tested.sum()),
            **_difference(change, average_classes(differences), level),
        ),
        per_class={
            label: GroupLabelScores(
                positives=int(positives[c]),
                few_positives=bool(positives[c] < FEW_POSITIVES),
                auroc=float(auroc[c]),
                auroc_low=float(inside.low[c]),
                auroc_high=float(inside.high[c]),
                **_difference(float(auroc[c] - rest[c]), differences[:, c], level),
            )
            for c, label in enumerate(labelled.vocabulary)
        },
    )


def _difference(value: float, drawn: NDArray[np.float64], level: float) -> dict[str, Any]:
    """The fields about a difference, those that are corrected later without a value."""
    low, high = percentile_interval(drawn, level=level)
    known = drawn[~np.isnan(drawn)]
    error = float(known.std(ddof=1)) if known.size > 1 else math.nan
    return {
        "difference": value,
        "difference_low": float(low),
        "difference_high": float(high),
        "p": float(2 * ndtr(-abs(value) / error)) if error > 0 else math.nan,
        "p_holm": math.nan,
        "differs": False,
    }


def _warrant(
    rows: Sequence[GroupLabelScores | GroupMacroScores], level: float
) -> list[dict[str, Any]]:
    """Of each row the corrected p, and whether it and the interval both warrant a difference."""
    corrected = adjust_holm(np.array([row.p for row in rows]))
    excludes_zero = [row.difference_low > 0 or row.difference_high < 0 for row in rows]
    return [
        {"p_holm": float(p), "differs": bool(p < 1 - level and is_clear)}
        for p, is_clear in zip(corrected, excludes_zero, strict=True)
    ]


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean()) if values.size else float("nan")
