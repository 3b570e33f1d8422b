"""The ablation table: how each class's scores change against the baseline, rarest class first."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from xlite.artifacts import atomic_path
from xlite.studies.runner import Outcome

SCORES = ("auroc", "average_precision", "f1")
MACRO = "macro"


def compare_to_baseline(
    outcomes: Sequence[Outcome], train_positives: dict[str, int]
) -> list[dict[str, Any]]:
    """Rows of variant x class with validation scores and their change against the first outcome.

    Classes are sorted by their number of training positives, rarest first, then `macro`.
    Outcomes that failed are left out. A change of an undefined score is NaN.
    """
    finished = [outcome for outcome in outcomes if outcome.scores is not None]
    if not finished or finished[0] is not outcomes[0]:
        return []
    baseline = _validation_scores(finished[0])
    labels = [*sorted(train_positives, key=lambda name: train_positives[name]), MACRO]
    rows = []
    for outcome in finished:
        scores = _validation_scores(outcome)
        for label in labels:
            row: dict[str, Any] = {
                "variant": outcome.name,
                "label": label,
                "train_positives": train_positives.get(label),
                "val_positives": scores[label].get("positives"),
            }
            for score in SCORES:
                row[score] = _as_float(scores[label][score])
                row[f"{score}_change"] = row[score] - _as_float(baseline[label][score])
            rows.append(row)
    return rows


def write_ablation(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Write the rows of `compare_to_baseline` as CSV, atomically."""
    import pandas as pd

    table = pd.DataFrame(rows)
    for name in ("train_positives", "val_positives"):
        table[name] = table[name].astype("Int64")
    with atomic_path(path) as temporary:
        table.to_csv(temporary, index=False, float_format="%.6g", lineterminator="\n")


def _validation_scores(outcome: Outcome) -> dict[str, dict[str, Any]]:
    assert outcome.scores is not None
    val = outcome.scores["val"]
    return {**val["per_class"], MACRO: val["macro"]}


def _as_float(value: float | None) -> float:
    # JSON has no NaN: an undefined score comes back as None.
    return math.nan if value is None else float(value)
