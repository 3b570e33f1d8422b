"""XL019: a column of the table that says what a label says."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from xlite.judging.checks.check import Check, Issue, NotApplicable, Observation, Passed
from xlite.judging.examined.table import ExaminedLabels
from xlite.scores.ranking import auroc

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xlite.judging.examined.table import ExaminedTable

_LEAST_AGREEMENT = 0.99
_LEAST_IMAGES = 10
_LEAST_ROWS_A_VALUE = 5
_MOST_VALUES = 50
_MOST_SHOWN = 5


class _Equal(NamedTuple):
    column: str
    label: str
    sensitivity: float
    specificity: float

    @property
    def sentence(self) -> str:
        return (
            f"{self.column!r} tells {self.label} with a sensitivity of {self.sensitivity:.1%} and "
            f"a specificity of {self.specificity:.1%}"
        )


def look(labels: ExaminedLabels) -> Observation:
    """Columns that are neither labels nor ids, against each label: whether their values tell it
    with a sensitivity and a specificity of 99 % or more.

    A column of up to 50 values calls a label where most of a value's rows have it; a value of fewer
    than five rows tells nothing. One of numbers is held against the label by a threshold. So are
    labels among each other: two that are always equal are one. A label needs ten images that have
    it, and ten that have not.
    """
    found: dict[tuple[str, str], _Equal] = {}
    num_columns = 0
    for table in labels.label_tables:
        equal, columns = _look_at(table)
        num_columns = max(num_columns, columns)
        found |= {
            (one.column, one.label): one for one in equal if (one.column, one.label) not in found
        }
    if num_columns == 0:
        return NotApplicable("there is no column beside the labels, ids, view, sex and age")
    numbers = {"columns": num_columns, "that equal a label": len(found)}
    if not found:
        return Passed(f"none of {num_columns} columns tells a label", numbers)
    shown = "; ".join(one.sentence for one in list(found.values())[:_MOST_SHOWN])
    more = f"; and {len(found) - _MOST_SHOWN} more" if len(found) > _MOST_SHOWN else ""
    return Issue(f"{shown}{more}.", numbers)


def _look_at(table: ExaminedTable) -> tuple[list[_Equal], int]:
    """The columns of one table that equal a label, and how many were looked at."""
    labels, names = table.labels, table.vocabulary
    judged = [
        column
        for column in range(len(names))
        if min(int(np.sum(labels[:, column] == value)) for value in (0, 1)) >= _LEAST_IMAGES
    ]
    found = _equal_labels(labels, names, judged)
    others = table.other_columns
    for name in others:
        codes, distinct = pd.factorize(table.cells[name])
        if len(distinct) < 2:
            continue
        for column in judged:
            told = _tell_by_value if len(distinct) <= _MOST_VALUES else _tell_by_threshold
            rates = told(codes, distinct, labels[:, column])
            if min(rates) >= _LEAST_AGREEMENT:
                found.append(_Equal(name, names[column], *rates))
    return found, len(others) + (len(judged) if len(judged) > 1 else 0)


def _equal_labels(
    labels: NDArray[np.int8], names: tuple[str, ...], judged: list[int]
) -> list[_Equal]:
    found = []
    for place, one in enumerate(judged):
        for other in judged[place + 1 :]:
            known = (labels[:, one] >= 0) & (labels[:, other] >= 0)
            if not known.any():
                continue
            rates = _rates(labels[known, one] == 1, labels[known, other] == 1)
            if min(rates) >= _LEAST_AGREEMENT:
                found.append(_Equal(names[one], names[other], *rates))
    return found


def _tell_by_value(
    codes: NDArray[np.intp], distinct: pd.Index[str], label: NDArray[np.int8]
) -> tuple[float, float]:
    """Sensitivity and specificity of calling the label where most rows of a value have it."""
    known = label >= 0
    rows = np.bincount(codes[known], minlength=len(distinct))
    positives = np.bincount(codes[known], weights=label[known] == 1, minlength=len(distinct))
    is_called = (positives * 2 > rows) & (rows >= _LEAST_ROWS_A_VALUE)
    return _rates(is_called[codes[known]], label[known] == 1)


def _tell_by_threshold(
    codes: NDArray[np.intp], distinct: pd.Index[str], label: NDArray[np.int8]
) -> tuple[float, float]:
    """The AUROC of a column of numbers, in whichever direction, twice; 0 for one of text."""
    values = pd.to_numeric(pd.Series(distinct), errors="coerce").to_numpy(dtype=float)[codes]
    known = (label >= 0) & np.isfinite(values)
    if known.sum() < len(label) / 2 or len(set(label[known])) < 2:
        return 0.0, 0.0
    ranks = pd.Series(values[known]).rank(pct=True).to_numpy()
    area = float(auroc(label[known, np.newaxis], ranks[:, np.newaxis])[0])
    area = max(area, 1 - area)
    # An area that near to 1 has a threshold whose two rates are at least as much, but for 1 - area.
    return area, area


def _rates(is_called: NDArray[np.bool_], is_positive: NDArray[np.bool_]) -> tuple[float, float]:
    if is_positive.all() or not is_positive.any():
        return 0.0, 0.0
    return float(is_called[is_positive].mean()), float((~is_called[~is_positive]).mean())


CHECK = Check(
    code="XL019",
    title="a column that equals a label",
    severity="error",
    subject=ExaminedLabels,
    look=look,
    consequence="Whatever is given the column (a tabular branch, a floor, a stratum) has been told "
    "the answer; of two labels that are one, the macro mean counts it twice.",
    remedy="Leave the column out of what a model sees, and out of the table's own scores; drop one "
    "of two equal labels.",
)
