from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score

from xlite.console import nan_to_none
from xlite.scores.summary import summarize_scores
from xlite.scores.thresholded import (
    assign_halves,
    count_at_thresholds,
    f1,
    fit_f1_thresholds,
)

LABELS = ("Mass", "Edema", "Hernia")
SCORES = ("auroc", "average_precision", "f1_at_half")


@pytest.fixture(scope="module")
def example() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Targets, probs and patients of 300 images, two a patient."""
    rng = np.random.default_rng(5)
    targets = (rng.random((300, 3)) < (0.4, 0.2, 0.1)).astype(np.int8)
    probs = np.clip(0.3 * targets + 0.7 * rng.random((300, 3)), 0, 1)
    return targets, probs, np.arange(300) // 2


def test_scores_are_scikit_learn_s(example: tuple[np.ndarray, ...]) -> None:
    targets, probs, groups = example
    result = summarize_scores(targets, probs, LABELS, groups=groups)
    assert (result["images"], result["patients"]) == (300, 150)
    assert result["undefined"] == {}
    for c, name in enumerate(LABELS):
        row, y, p = result["per_class"][name], targets[:, c], probs[:, c]
        expected = {
            "positives": y.sum(),
            "prevalence": y.mean(),
            "auroc": roc_auc_score(y, p),
            "average_precision": average_precision_score(y, p),
            "f1_at_half": f1_score(y, p >= 0.5),
        }
        assert {score: row[score] for score in expected} == pytest.approx(expected)
    for score, value in result["macro"].items():
        rows = [row[score] for row in result["per_class"].values()]
        assert value == pytest.approx(np.mean(rows))
    assert "threshold" not in result["macro"]


def test_without_thresholds_f1_is_judged_on_the_other_half(
    example: tuple[np.ndarray, ...],
) -> None:
    targets, probs, groups = example
    result = summarize_scores(targets, probs, LABELS, groups=groups)
    assert result["f1_thresholds"] == "cross-fitted"
    first = assign_halves(targets, groups)
    for c, name in enumerate(LABELS):
        called = np.empty(300, dtype=bool)
        for judged in (first, ~first):
            threshold = fit_f1_thresholds(targets[~judged], probs[~judged])[c]
            called[judged] = probs[judged, c] >= threshold
        row = result["per_class"][name]
        assert row["f1"] == pytest.approx(f1_score(targets[:, c], called))
        # What other images are to be judged at is fitted on every row.
        assert row["threshold"] == fit_f1_thresholds(targets, probs)[c]


def test_noise_is_not_flattered() -> None:
    rng = np.random.default_rng(0)
    targets = (rng.random((60, 40)) < 0.15).astype(np.int8)
    probs = rng.random((60, 40))
    names = [str(c) for c in range(40)]
    groups = np.arange(60)
    honest = summarize_scores(targets, probs, names, groups=groups)["macro"]["f1"]
    fitted = fit_f1_thresholds(targets, probs)
    optimistic = np.nanmean(f1(count_at_thresholds(targets, probs, fitted)))
    assert honest < optimistic - 0.05


def test_undefined_scores_leave_the_macro_mean_and_are_named(
    example: tuple[np.ndarray, ...],
) -> None:
    targets, probs, groups = (array.copy() for array in example)
    targets[:, 2] = 0
    result = summarize_scores(targets, probs, LABELS, groups=groups)
    row = result["per_class"]["Hernia"]
    assert row["positives"] == 0
    assert row["prevalence"] == 0.0
    for score in (*SCORES, "f1", "threshold"):
        assert math.isnan(row[score])
    assert result["undefined"] == {score: ["Hernia"] for score in (*SCORES, "f1")}
    for score in SCORES:
        rows = [result["per_class"][name][score] for name in LABELS[:2]]
        assert result["macro"][score] == pytest.approx(np.mean(rows))


def test_unknown_labels_are_left_out_of_their_class_alone(
    example: tuple[np.ndarray, ...],
) -> None:
    targets, probs, groups = (array.copy() for array in example)
    before = summarize_scores(targets, probs, LABELS, groups=groups)["per_class"]
    targets[:100, 0] = -1
    after = summarize_scores(targets, probs, LABELS, groups=groups)["per_class"]
    # F1 apart: the halves of the patients share out the labels that are known.
    for row in (before, after):
        del row["Edema"]["f1"]
    assert after["Edema"] == before["Edema"]
    assert after["Mass"]["prevalence"] == pytest.approx(targets[100:, 0].mean())
    assert after["Mass"]["auroc"] == pytest.approx(roc_auc_score(targets[100:, 0], probs[100:, 0]))
    targets[:, 0] = -1
    assert math.isnan(
        summarize_scores(targets, probs, LABELS, groups=groups)["per_class"]["Mass"]["prevalence"]
    )


def test_the_summary_is_plain_values(example: tuple[np.ndarray, ...]) -> None:
    targets, probs, groups = example
    result: dict[str, Any] = summarize_scores(targets, probs, LABELS, groups=groups)
    text = json.dumps(nan_to_none(result), allow_nan=False)
    assert list(json.loads(text)["per_class"]) == list(LABELS)
