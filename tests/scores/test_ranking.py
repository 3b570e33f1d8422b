"""AUROC and average precision against scikit-learn, with ties and unknown labels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from xlite.scores.ranking import auroc, average_precision, macro_mean, ranking_scores


def draw_case(seed: int, *, num_levels: int, num_rows: int = 400):
    """Targets with unknowns and probs on a few levels, so that most scores are tied."""
    rng = np.random.default_rng(seed)
    prevalence = np.array([0.02, 0.1, 0.3, 0.5, 0.9])
    targets = (rng.random((num_rows, 5)) < prevalence).astype(np.int8)
    targets[rng.random(targets.shape) < 0.1] = -1
    probs = rng.integers(0, num_levels, targets.shape) / num_levels
    return targets, np.clip(probs + 0.2 * (targets == 1), 0, 1)


def reference(score, targets, probs):
    values = []
    for column in range(targets.shape[1]):
        known = targets[:, column] >= 0
        values.append(score(targets[known, column], probs[known, column]))
    return np.array(values)


@pytest.mark.parametrize("num_levels", [1, 2, 7, 50, 10**9])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_agrees_with_scikit_learn(num_levels, dtype):
    targets, probs = draw_case(seed=num_levels, num_levels=num_levels)
    probs = probs.astype(dtype)
    roc, precision = ranking_scores(targets, probs)
    expected_roc = reference(roc_auc_score, targets, probs)
    np.testing.assert_allclose(roc, expected_roc, rtol=0, atol=1e-12)
    np.testing.assert_allclose(
        precision, reference(average_precision_score, targets, probs), rtol=0, atol=1e-12
    )
    # The case is worth its name: unknown labels are there, and coded as 0 they change the score.
    as_absent = reference(roc_auc_score, np.maximum(targets, 0), probs)
    assert num_levels == 1 or not np.allclose(as_absent, expected_roc, atol=1e-3)


@given(
    st.lists(
        st.tuples(st.sampled_from([-1, 0, 1]), st.floats(-1e300, 1e300)), min_size=2, max_size=40
    )
)
def test_any_small_case_agrees_with_counting_pairs(rows):
    labels, scores = (
        np.array([row[0] for row in rows], dtype=np.int8),
        np.array([row[1] for row in rows]),
    )
    positives, negatives = scores[labels == 1], scores[labels == 0]
    roc, precision = ranking_scores(labels[:, None], scores[:, None])
    if positives.size == 0 or negatives.size == 0:
        assert np.isnan(roc[0])
        assert np.isnan(precision[0])
        return
    outranks = (positives[:, None] > negatives) + 0.5 * (positives[:, None] == negatives)
    assert roc[0] == pytest.approx(outranks.mean(), abs=1e-12)
    known = labels >= 0
    assert precision[0] == pytest.approx(
        average_precision_score(labels[known], scores[known]), abs=1e-12
    )


def test_the_two_scores_alone_are_those_of_the_pair():
    targets, probs = draw_case(seed=3, num_levels=9)
    roc, precision = ranking_scores(targets, probs)
    np.testing.assert_array_equal(auroc(targets, probs), roc)
    np.testing.assert_array_equal(average_precision(targets, probs), precision)
    assert not np.allclose(roc, precision)


def test_a_class_without_positives_or_negatives_is_nan_and_leaves_the_others_alone():
    targets, probs = draw_case(seed=5, num_levels=20)
    before = np.array(ranking_scores(targets, probs))
    targets[:, 1] = np.minimum(targets[:, 1], 0)
    targets[:, 2] = np.where(targets[:, 2] == 0, 1, targets[:, 2])
    targets[:, 3] = -1
    after = np.array(ranking_scores(targets, probs))
    assert np.isnan(after[:, 1:4]).all()
    np.testing.assert_array_equal(after[:, [0, 4]], before[:, [0, 4]])
    assert not np.isnan(before).any()


def test_no_rows_at_all_are_undefined():
    roc, precision = ranking_scores(np.zeros((0, 2), dtype=np.int8), np.zeros((0, 2)))
    assert np.isnan(roc).all()
    assert np.isnan(precision).all()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_non_finite_probs_are_named(value):
    targets, probs = draw_case(seed=1, num_levels=5)
    probs[17, 3] = value
    with pytest.raises(ValueError, match=r"NaN or infinite probs in 1 of 2000.* class 3, row 17"):
        ranking_scores(targets, probs)


def test_a_foreign_label_code_is_named():
    targets, probs = draw_case(seed=1, num_levels=5)
    targets[4, 2] = 2
    with pytest.raises(ValueError, match=r"targets other than 1, 0 and -1.* class 2, row 4"):
        ranking_scores(targets, probs)


@pytest.mark.parametrize("shape", [(400, 4), (399, 5), (400,)])
def test_shapes_have_to_agree(shape):
    targets, _ = draw_case(seed=1, num_levels=5)
    with pytest.raises(ValueError, match=r"must both be \(N, C\)"):
        ranking_scores(targets, np.zeros(shape))


def test_macro_mean_leaves_out_what_is_undefined_and_says_which():
    assert macro_mean(np.array([np.nan, 0.2, np.nan, 0.6])) == (pytest.approx(0.4), (0, 2))
    assert macro_mean(np.array([0.0, 1.0])) == (0.5, ())


@pytest.mark.parametrize("num_classes", [0, 3])
def test_macro_mean_of_nothing_defined_is_nan(num_classes):
    mean, undefined = macro_mean(np.full(num_classes, np.nan))
    assert np.isnan(mean)
    assert undefined == tuple(range(num_classes))
