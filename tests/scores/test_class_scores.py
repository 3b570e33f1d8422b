"""The table of all scores: complete, equal to its parts, NaN where undefined."""

from __future__ import annotations

import numpy as np
import pytest

from xlite.scores.auroc_interval import auroc_interval
from xlite.scores.calibration import fit_calibration_line
from xlite.scores.class_scores import score_classes
from xlite.scores.ranking import ranking_scores
from xlite.scores.reliability import brier_score
from xlite.scores.thresholded import count_at_thresholds, f1, recall

AT_A_THRESHOLD = ("f1", "precision", "recall", "specificity", "balanced_accuracy", "mcc")


def draw_case(seed: int = 0):
    rng = np.random.default_rng(seed)
    targets = (rng.random((600, 3)) < [0.03, 0.2, 0.5]).astype(np.int8)
    signal = 2 * (targets == 1)
    targets[rng.random(targets.shape) < 0.1] = -1
    probs = 1 / (1 + np.exp(1 - signal - rng.normal(size=targets.shape)))
    return targets, probs, np.arange(600) // 3


def test_holds_what_its_parts_say():
    targets, probs, groups = draw_case()
    thresholds = np.array([0.6, 0.5, 0.4])
    scores = score_classes(targets, probs, groups=groups, thresholds=thresholds, level=0.9)
    auroc, average_precision = ranking_scores(targets, probs)
    interval = auroc_interval(targets, probs, patients=groups, level=0.9)
    counts = count_at_thresholds(targets, probs, thresholds)
    expected = {
        "auroc": auroc,
        "auroc_low": interval.low,
        "auroc_high": interval.high,
        "average_precision": average_precision,
        "brier": brier_score(targets, probs),
        "calibration_slope": fit_calibration_line(targets, probs).slope,
        "f1": f1(counts),
        "recall": recall(counts),
        "recall_at_half": recall(count_at_thresholds(targets, probs, np.full(3, 0.5))),
        "positives": (targets == 1).sum(axis=0),
        "prevalence": [(column[column >= 0]).mean() for column in targets.T],
        "few_positives": [True, False, False],
        "threshold": thresholds,
    }
    for name, values in expected.items():
        np.testing.assert_allclose(scores[name], values, atol=1e-12, err_msg=name)
    assert {values.shape for values in scores.values()} == {(3,)}
    assert not np.array_equal(scores["f1"], scores["f1_at_half"])


def test_without_thresholds_only_one_half_is_judged():
    targets, probs, _ = draw_case()
    scores = score_classes(targets, probs)
    assert {f"{name}_at_half" for name in AT_A_THRESHOLD} < scores.keys()
    assert not scores.keys() & {*AT_A_THRESHOLD, "threshold"}


@pytest.mark.parametrize("label", [0, -1])
def test_a_class_without_positives_is_nan_and_leaves_the_others_alone(label):
    targets, probs, groups = draw_case()
    thresholds = np.full(3, 0.5)
    before = score_classes(targets, probs, groups=groups, thresholds=thresholds)
    targets[:, 1] = label
    after = score_classes(targets, probs, groups=groups, thresholds=thresholds)
    for name in ("auroc", "auroc_low", "average_precision", "f1", "mcc", "calibration_slope"):
        assert np.isnan(after[name][1]), name
    for name, values in before.items():
        np.testing.assert_array_equal(values[[0, 2]], after[name][[0, 2]], err_msg=name)


def test_probs_outside_0_1_are_refused():
    targets, probs, _ = draw_case()
    with pytest.raises(ValueError, match=r"probs outside \[0, 1\]"):
        score_classes(targets, probs + 1)
