"""Micro and weighted averages against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, f1_score, precision_score, roc_auc_score

from xlite.scores.averages import micro_ranking_scores, pool_classes, weighted_mean
from xlite.scores.ranking import auroc, average_precision
from xlite.scores.thresholded import count_at_thresholds, f1, precision


def draw_case(seed: int = 0):
    rng = np.random.default_rng(seed)
    targets = (rng.random((500, 4)) < [0.02, 0.1, 0.3, 0.6]).astype(np.int8)
    return targets, np.round(np.clip(rng.random(targets.shape) + 0.3 * targets, 0, 1), 2)


def test_weighted_means_are_scikit_learns():
    targets, probs = draw_case()
    weights = targets.sum(axis=0)
    assert weighted_mean(auroc(targets, probs), weights) == pytest.approx(
        roc_auc_score(targets, probs, average="weighted"), abs=1e-12
    )
    assert weighted_mean(average_precision(targets, probs), weights) == pytest.approx(
        average_precision_score(targets, probs, average="weighted"), abs=1e-12
    )


def test_micro_scores_are_scikit_learns():
    targets, probs = draw_case()
    found = micro_ranking_scores(targets, probs)
    assert found[0] == pytest.approx(roc_auc_score(targets, probs, average="micro"), abs=1e-12)
    assert found[1] == pytest.approx(
        average_precision_score(targets, probs, average="micro"), abs=1e-12
    )
    counts = pool_classes(count_at_thresholds(targets, probs, np.full(4, 0.7)))
    assert f1(counts)[0] == pytest.approx(f1_score(targets, probs >= 0.7, average="micro"))
    assert precision(counts)[0] == pytest.approx(
        precision_score(targets, probs >= 0.7, average="micro")
    )


def test_unknown_entries_are_left_out():
    targets, probs = draw_case()
    hidden = np.random.default_rng(1).random(targets.shape) < 0.3
    known = ~hidden
    masked = np.where(hidden, np.int8(-1), targets)
    expected = roc_auc_score(targets[known], probs[known])
    assert micro_ranking_scores(masked, probs)[0] == pytest.approx(expected, abs=1e-12)
    counts = pool_classes(count_at_thresholds(masked, probs, np.full(4, 0.7)))
    assert f1(counts)[0] == pytest.approx(f1_score(targets[known], probs[known] >= 0.7))


def test_undefined_scores_leave_with_their_weight():
    assert weighted_mean(np.array([np.nan, 0.4]), np.array([1000, 1])) == pytest.approx(0.4)
    assert np.isnan(weighted_mean(np.array([np.nan, 0.4]), np.array([1000, 0])))
    assert np.isnan(weighted_mean(np.full(2, np.nan), np.ones(2)))
