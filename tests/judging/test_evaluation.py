from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import (
    average_precision_score,
    balanced_accuracy_score,
    brier_score_loss,
    f1_score,
    matthews_corrcoef,
    precision_score,
    recall_score,
    roc_auc_score,
)

from xlite.judging.evaluation import Resampling, evaluate_cases, measure_change, write_evaluation
from xlite.judging.labelled_predictions import LabelledPredictions
from xlite.judging.thresholding import apply_thresholds, crossfit_calls, fit_thresholds
from xlite.scores.auroc_interval import auroc_interval

LABELS = ("Mass", "Edema", "Hernia")
FEW = Resampling(num_resamples=200)


def make_cases(seed: int = 0, *, num_images: int = 600) -> LabelledPredictions:
    rng = np.random.default_rng(seed)
    targets = (rng.random((num_images, 3)) < (0.4, 0.2, 0.03)).astype(np.int8)
    logits = rng.normal(size=targets.shape) + 1.5 * targets - 1
    return LabelledPredictions(
        name="model",
        image_ids=np.array([f"{seed}-{k}.png" for k in range(num_images)], dtype=object),
        patient_ids=np.array([str(k // 2) for k in range(num_images)], dtype=object),
        targets=targets,
        probs=1 / (1 + np.exp(-logits)),
        vocabulary=LABELS,
        columns={},
    )


def test_scores_are_scikit_learn_s() -> None:
    cases = make_cases()
    thresholds = fit_thresholds(make_cases(1), method="youden", calibration="none")
    calls = apply_thresholds(thresholds, cases, source="elsewhere")
    result = evaluate_cases(cases, calls, resampling=FEW)
    assert (result["images"], result["patients"]) == (600, 300)
    assert result["thresholds"]["source"] == "elsewhere"
    for c, label in enumerate(LABELS):
        y, p = cases.targets[:, c], cases.probs[:, c]
        called, at_half = p >= thresholds.thresholds[c], p >= 0.5
        expected = {
            "positives": y.sum(),
            "auroc": roc_auc_score(y, p),
            "average_precision": average_precision_score(y, p),
            "f1": f1_score(y, called),
            "precision": precision_score(y, called),
            "recall": recall_score(y, called),
            "specificity": recall_score(1 - y, ~called),
            "balanced_accuracy": balanced_accuracy_score(y, called),
            "mcc": matthews_corrcoef(y, called),
            "brier": brier_score_loss(y, p),
            "f1_at_half": f1_score(y, at_half),
            "mcc_at_half": matthews_corrcoef(y, at_half),
            "threshold": thresholds.thresholds[c],
        }
        row = result["per_class"][label]
        assert {name: row[name] for name in expected} == pytest.approx(expected)
        assert row["few_positives"] == (y.sum() < 30)
    y, p = cases.targets, cases.probs
    called = p >= thresholds.thresholds
    for average in ("macro", "weighted", "micro"):
        assert result[average]["auroc"] == pytest.approx(roc_auc_score(y, p, average=average))
        assert result[average]["f1"] == pytest.approx(f1_score(y, called, average=average))
        expected_ap = average_precision_score(y, p, average=average)
        assert result[average]["average_precision"] == pytest.approx(expected_ap)
    rows = result["per_class"]
    assert any("positives: too few" in note for note in rows["Hernia"]["notes"])
    assert not rows["Mass"]["notes"]


def test_intervals_take_patients_as_clusters_and_hold_the_score() -> None:
    cases = make_cases()
    calls = crossfit_calls(cases, method="f1", calibration="none")
    result = evaluate_cases(cases, calls, resampling=FEW)
    found = auroc_interval(cases.targets, cases.probs, patients=cases.patient_ids)
    for c, label in enumerate(LABELS):
        row = result["per_class"][label]
        assert (row["auroc_low"], row["auroc_high"]) == (found.low[c], found.high[c])
    for row in [*result["per_class"].values(), result["macro"]]:
        for name in ("auroc", "average_precision", "f1", "brier"):
            assert row[f"{name}_low"] < row[name] < row[f"{name}_high"], name
    for row in [*result["per_class"].values(), result["macro"]]:
        assert row["average_precision_random"] < row["average_precision_low"]
    prevalence = [result["per_class"][label]["prevalence"] for label in LABELS]
    assert result["macro"]["average_precision_random"] == pytest.approx(np.mean(prevalence))
    narrow = evaluate_cases(cases, calls, resampling=replace(FEW, level=0.5))["macro"]
    assert result["macro"]["f1_low"] < narrow["f1_low"] < narrow["f1_high"]
    doubled = cases.select(np.repeat(np.arange(600), 2))
    twice = crossfit_calls(doubled, method="f1", calibration="none")
    again = evaluate_cases(doubled, twice, resampling=FEW)["macro"]
    # Copies of a patient's images are no new patients: nothing gets more certain.
    assert again["auroc_low"] == pytest.approx(result["macro"]["auroc_low"], abs=0.01)


def test_the_same_seed_gives_the_same_intervals_and_another_others() -> None:
    cases = make_cases()
    calls = crossfit_calls(cases, method="f1", calibration="none")
    first, second = (evaluate_cases(cases, calls, resampling=FEW) for _ in range(2))
    assert json.dumps(first) == json.dumps(second)
    other = evaluate_cases(cases, calls, resampling=replace(FEW, seed=1))
    assert other["macro"]["auroc_low"] != first["macro"]["auroc_low"]


def test_calibration_leaves_the_ranking_and_mends_what_is_said() -> None:
    cases = make_cases(num_images=2000)
    cases.probs[:] = cases.probs**3
    plain = evaluate_cases(
        cases, crossfit_calls(cases, method="f1", calibration="none"), resampling=FEW
    )
    scaled = evaluate_cases(
        cases, crossfit_calls(cases, method="f1", calibration="platt"), resampling=FEW
    )
    assert scaled["thresholds"]["calibration"] == "platt"
    for label in LABELS[:2]:
        before, after = plain["per_class"][label], scaled["per_class"][label]
        assert after["auroc"] == before["auroc"]
        assert after["ece"] < before["ece"]
        assert after["ece_uncalibrated"] == before["ece"]
        assert abs(after["calibration_slope"] - 1) < abs(before["calibration_slope"] - 1)


def test_what_is_undefined_is_named_and_leaves_the_means() -> None:
    cases = make_cases()
    cases.targets[:, 2] = 0
    calls = crossfit_calls(cases, method="f1", calibration="none")
    result = evaluate_cases(cases, calls, resampling=FEW)
    row = result["per_class"]["Hernia"]
    assert math.isnan(row["auroc"])
    assert any("no positives" in note for note in row["notes"])
    assert result["undefined"]["auroc"] == result["undefined"]["f1"] == ["Hernia"]
    rows = [result["per_class"][name]["auroc"] for name in LABELS[:2]]
    assert result["macro"]["auroc"] == pytest.approx(np.mean(rows))


def test_unknown_labels_are_left_out_of_their_class_alone() -> None:
    cases = make_cases()
    masked = replace(cases, targets=cases.targets.copy())
    masked.targets[:200, 0] = -1
    thresholds = fit_thresholds(make_cases(1), method="f1", calibration="none")
    before, after = (
        evaluate_cases(
            each, apply_thresholds(thresholds, each, source="elsewhere"), resampling=FEW
        )["per_class"]
        for each in (cases, masked)
    )
    assert after["Edema"] == before["Edema"]
    y, p = cases.targets[200:, 0], cases.probs[200:, 0]
    assert after["Mass"]["auroc"] == pytest.approx(roc_auc_score(y, p))


def test_a_change_is_paired() -> None:
    cases = make_cases()
    same = measure_change(cases, cases.probs.copy(), resampling=FEW)["auroc"]
    assert (same["change"], same["low"], same["high"]) == (0, 0, 0)
    noise = np.random.default_rng(1).random(cases.probs.shape)
    worse = measure_change(cases, noise, resampling=FEW)["auroc"]
    assert worse["after"] - worse["before"] == worse["change"]
    assert worse["high"] < 0


def test_files_hold_what_was_found(tmp_path: Path) -> None:
    cases = make_cases()
    cases.targets[:, 2] = 0
    calls = crossfit_calls(cases, method="f1", calibration="none")
    result = evaluate_cases(cases, calls, resampling=FEW)
    paths = write_evaluation(tmp_path, result)
    assert [path.name for path in paths] == ["scores.json", "scores.csv"]
    content = json.loads(paths[0].read_text())
    assert content["per_class"]["Hernia"]["auroc"] is None
    assert content["macro"]["auroc"] == result["macro"]["auroc"]
    table = pd.read_csv(paths[1]).set_index("label")
    assert table.index.tolist() == [*LABELS, "macro", "weighted", "micro"]
    assert table.loc["Mass", "auroc"] == pytest.approx(content["per_class"]["Mass"]["auroc"], 1e-5)
