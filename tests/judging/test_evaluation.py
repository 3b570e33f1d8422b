from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
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

from xlite.judging.evaluation import Resampling, measure_change, score_predictions
from xlite.judging.labelled_predictions import LabelledPredictions
from xlite.judging.thresholding import apply_thresholds, crossfit_calls, fit_to_predictions
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
    thresholds = fit_to_predictions(make_cases(1), method="youden", calibration="none")
    calls = apply_thresholds(thresholds, cases, source="elsewhere")
    result = score_predictions(cases, calls, resampling=FEW)
    assert (result.images, result.patients) == (600, 300)
    assert result.thresholds.source == "elsewhere"
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
        row = result.per_class[label]
        assert {name: getattr(row, name) for name in expected} == pytest.approx(expected)
        assert row.few_positives == (y.sum() < 30)
    y, p = cases.targets, cases.probs
    called = p >= thresholds.thresholds
    for average in ("macro", "weighted", "micro"):
        mean = getattr(result, average)
        assert mean.auroc == pytest.approx(roc_auc_score(y, p, average=average))
        assert mean.f1 == pytest.approx(f1_score(y, called, average=average))
        expected_ap = average_precision_score(y, p, average=average)
        assert mean.average_precision == pytest.approx(expected_ap)
    rows = result.per_class
    assert any("positives: too few" in note for note in rows["Hernia"].notes)
    assert not rows["Mass"].notes


def test_intervals_take_patients_as_clusters_and_hold_the_score() -> None:
    cases = make_cases()
    calls = crossfit_calls(cases, method="f1", calibration="none")
    result = score_predictions(cases, calls, resampling=FEW)
    found = auroc_interval(cases.targets, cases.probs, patients=cases.patient_ids)
    for c, label in enumerate(LABELS):
        row = result.per_class[label]
        assert (row.auroc_low, row.auroc_high) == (found.low[c], found.high[c])
    for row in [*result.per_class.values(), result.macro]:
        for name in ("auroc", "average_precision", "f1", "brier"):
            low, score, high = (getattr(row, f"{name}{end}") for end in ("_low", "", "_high"))
            assert low < score < high, name
    for row in [*result.per_class.values(), result.macro]:
        assert row.average_precision_random < row.average_precision_low
    prevalence = [result.per_class[label].prevalence for label in LABELS]
    assert result.macro.average_precision_random == pytest.approx(np.mean(prevalence))
    narrow = score_predictions(cases, calls, resampling=replace(FEW, level=0.5)).macro
    assert result.macro.f1_low < narrow.f1_low < narrow.f1_high
    doubled = cases.select(np.repeat(np.arange(600), 2))
    twice = crossfit_calls(doubled, method="f1", calibration="none")
    again = score_predictions(doubled, twice, resampling=FEW).macro
    # Copies of a patient's images are no new patients: nothing gets more certain.
    assert again.auroc_low == pytest.approx(result.macro.auroc_low, abs=0.01)


def test_the_same_seed_gives_the_same_intervals_and_another_others() -> None:
    cases = make_cases()
    calls = crossfit_calls(cases, method="f1", calibration="none")
    first, second = (score_predictions(cases, calls, resampling=FEW) for _ in range(2))
    assert first == second
    other = score_predictions(cases, calls, resampling=replace(FEW, seed=1))
    assert other.macro.auroc_low != first.macro.auroc_low


def test_calibration_leaves_the_ranking_and_mends_what_is_said() -> None:
    cases = make_cases(num_images=2000)
    cases.probs[:] = cases.probs**3
    plain = score_predictions(
        cases, crossfit_calls(cases, method="f1", calibration="none"), resampling=FEW
    )
    scaled = score_predictions(
        cases, crossfit_calls(cases, method="f1", calibration="platt"), resampling=FEW
    )
    assert scaled.thresholds.calibration == "platt"
    for label in LABELS[:2]:
        before, after = plain.per_class[label], scaled.per_class[label]
        assert after.auroc == before.auroc
        assert after.ece < before.ece
        assert after.ece_uncalibrated == before.ece
        assert abs(after.calibration_slope - 1) < abs(before.calibration_slope - 1)


def test_what_is_undefined_is_named_and_leaves_the_means() -> None:
    cases = make_cases()
    cases.targets[:, 2] = 0
    calls = crossfit_calls(cases, method="f1", calibration="none")
    result = score_predictions(cases, calls, resampling=FEW)
    row = result.per_class["Hernia"]
    assert math.isnan(row.auroc)
    assert any("no positives" in note for note in row.notes)
    assert result.undefined["auroc"] == result.undefined["f1"] == ("Hernia",)
    rows = [result.per_class[name].auroc for name in LABELS[:2]]
    assert result.macro.auroc == pytest.approx(np.mean(rows))


def test_unknown_labels_are_left_out_of_their_class_alone() -> None:
    cases = make_cases()
    masked = replace(cases, targets=cases.targets.copy())
    masked.targets[:200, 0] = -1
    thresholds = fit_to_predictions(make_cases(1), method="f1", calibration="none")
    before, after = (
        score_predictions(
            each, apply_thresholds(thresholds, each, source="elsewhere"), resampling=FEW
        ).per_class
        for each in (cases, masked)
    )
    assert after["Edema"] == before["Edema"]
    y, p = cases.targets[200:, 0], cases.probs[200:, 0]
    assert after["Mass"].auroc == pytest.approx(roc_auc_score(y, p))


def test_a_change_is_paired() -> None:
    cases = make_cases()
    same = measure_change(cases, cases.probs.copy(), resampling=FEW)["auroc"]
    assert (same.change, same.low, same.high) == (0, 0, 0)
    noise = np.random.default_rng(1).random(cases.probs.shape)
    worse = measure_change(cases, noise, resampling=FEW)["auroc"]
    assert worse.after - worse.before == worse.change
    assert worse.high < 0
