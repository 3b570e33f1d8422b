from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from xlite.studies.compare import compare_to_baseline, write_ablation
from xlite.studies.runner import Outcome

POSITIVES = {"Mass": 90, "Hernia": 3, "Edema": 20}


def outcome_of(name: str, **auroc: float | None) -> Outcome:
    def scores(value: float | None) -> dict[str, Any]:
        return {"auroc": value, "average_precision": 0.25, "f1": 0.5}

    defined = [value for value in auroc.values() if value is not None]
    per_class = {label: {**scores(value), "positives": 5} for label, value in auroc.items()}
    macro = scores(sum(defined) / len(defined))
    return Outcome(name, Path(name), {"val": {"per_class": per_class, "macro": macro}}, None)


def failed(name: str) -> Outcome:
    return Outcome(name, Path(name), None, "shape")


BCE = outcome_of("bce", Mass=0.7, Hernia=0.5, Edema=None)
FOCAL = outcome_of("focal", Mass=0.6, Hernia=0.75, Edema=0.8)


def test_classes_stand_rarest_first_and_the_macro_mean_last() -> None:
    rows = compare_to_baseline([BCE, FOCAL], POSITIVES)
    labels = ["Hernia", "Edema", "Mass", "macro"]
    assert [(row["variant"], row["label"]) for row in rows] == [
        (variant, label) for variant in ("bce", "focal") for label in labels
    ]
    assert [row["train_positives"] for row in rows[:4]] == [3, 20, 90, None]
    assert [row["val_positives"] for row in rows[:4]] == [5, 5, 5, None]


def test_changes_are_against_the_first_outcome() -> None:
    rows = compare_to_baseline([BCE, FOCAL, BCE], POSITIVES)
    change = {(row["variant"], row["label"]): row["auroc_change"] for row in rows[:8]}
    assert change["bce", "Mass"] == 0.0
    assert change["focal", "Hernia"] == pytest.approx(0.25)
    assert change["focal", "Mass"] == pytest.approx(-0.1)
    macro = {row["variant"]: row["auroc"] for row in rows if row["label"] == "macro"}
    assert change["focal", "macro"] == pytest.approx(macro["focal"] - macro["bce"])
    assert {row["f1_change"] for row in rows} == {0.0}
    reversed_rows = compare_to_baseline([FOCAL, BCE], POSITIVES)
    assert {row["variant"]: row["auroc_change"] for row in reversed_rows if row["label"] == "Mass"}[
        "bce"
    ] == pytest.approx(0.1)


def test_the_change_of_an_undefined_score_is_undefined() -> None:
    rows = compare_to_baseline([BCE, FOCAL], POSITIVES)
    edema = {row["variant"]: row for row in rows if row["label"] == "Edema"}
    assert math.isnan(edema["bce"]["auroc"])
    assert math.isnan(edema["bce"]["auroc_change"])
    assert edema["focal"]["auroc"] == 0.8
    assert math.isnan(edema["focal"]["auroc_change"])
    assert edema["focal"]["f1_change"] == 0.0


def test_a_variant_that_failed_is_left_out() -> None:
    rows = compare_to_baseline([BCE, failed("focal"), FOCAL], POSITIVES)
    assert list(dict.fromkeys(row["variant"] for row in rows)) == ["bce", "focal"]
    assert len(rows) == 8


def test_without_the_baseline_there_is_nothing_to_compare() -> None:
    assert compare_to_baseline([failed("bce"), FOCAL], POSITIVES) == []
    assert compare_to_baseline([], POSITIVES) == []


def test_classes_of_equal_size_keep_their_order() -> None:
    outcome = outcome_of("bce", Mass=0.7, Hernia=0.5, Edema=0.6)
    rows = compare_to_baseline([outcome], {"Mass": 4, "Hernia": 4, "Edema": 2})
    assert [row["label"] for row in rows] == ["Edema", "Mass", "Hernia", "macro"]


def test_the_table_is_written_with_whole_counts_and_empty_cells(tmp_path: Path) -> None:
    rows = compare_to_baseline([BCE, FOCAL], POSITIVES)
    write_ablation(tmp_path / "ablation.csv", rows)
    lines = (tmp_path / "ablation.csv").read_text().splitlines()
    assert lines[0].startswith("variant,label,train_positives,val_positives,auroc,auroc_change,")
    assert lines[1].startswith("bce,Hernia,3,5,0.5,0,")
    assert lines[2].startswith("bce,Edema,20,5,,,")
    assert lines[4].startswith("bce,macro,,,0.6,0,")
    table = pd.read_csv(tmp_path / "ablation.csv")
    assert len(table) == 8
    assert table["auroc_change"].isna().sum() == 2
