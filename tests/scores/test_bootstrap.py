"""Patient-cluster resampling against scikit-learn on rows that were really copied."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, brier_score_loss, f1_score, roc_auc_score

from xlite.scores.bootstrap import (
    average_classes,
    percentile_interval,
    resample_scores,
)
from xlite.scores.delong import compare_aurocs
from xlite.scores.ranking import ranking_scores

ALL = ("auroc", "average_precision", "f1", "brier")
THRESHOLDS = [np.array([0.3, 0.5, 0.7]), np.array([0.4, 0.4, 0.9])]


def draw_case(seed: int, *, num_rows: int = 240, num_levels: int = 10**9):
    """Targets with unknowns and a rare class, two models, patients of one to many images."""
    rng = np.random.default_rng(seed)
    targets = (rng.random((num_rows, 3)) < [0.0, 0.2, 0.6]).astype(np.int8)
    targets[rng.random(targets.shape) < 0.1] = -1
    targets[:2, 0] = 1
    signal = 0.2 * (targets == 1)
    models = [np.clip(rng.random(targets.shape) * 0.8 + signal, 0, 1) for _ in range(2)]
    models = [np.floor(probs * num_levels) / num_levels for probs in models]
    groups = np.char.add("patient", rng.integers(0, num_rows // 3, num_rows).astype(str))
    return targets, models, groups


def copy_rows(groups, rng):
    """The rows of one resample, drawn as the module says it draws."""
    patients = np.unique(groups)
    drawn = rng.integers(len(patients), size=len(patients))
    return np.concatenate([np.flatnonzero(groups == patients[index]) for index in drawn])


def score_rows(name, targets, probs, threshold):
    known = targets >= 0
    y, p = targets[known], probs[known]
    if (y == 1).sum() == 0 or (name in ("auroc", "average_precision") and (y == 0).sum() == 0):
        return np.nan
    if name == "auroc":
        return roc_auc_score(y, p)
    if name == "average_precision":
        return average_precision_score(y, p)
    if name == "f1":
        return f1_score(y, p >= threshold)
    return brier_score_loss(y, p, pos_label=1)


@pytest.mark.parametrize("num_levels", [1, 3, 20, 10**9])
def test_equals_scikit_learn_on_copied_rows(num_levels):
    targets, models, groups = draw_case(seed=num_levels % 89, num_levels=num_levels)
    num_resamples = 40
    resampled = resample_scores(
        targets,
        models,
        groups,
        rng=np.random.default_rng(5),
        num_resamples=num_resamples,
        scores=ALL,
        thresholds=THRESHOLDS,
    )
    rng = np.random.default_rng(5)
    for resample in range(num_resamples):
        rows = copy_rows(groups, rng)
        for model, probs in enumerate(models):
            for column in range(3):
                for name in ALL:
                    expected = score_rows(
                        name,
                        targets[rows, column],
                        probs[rows, column],
                        THRESHOLDS[model][column],
                    )
                    found = resampled[name][model, resample, column]
                    if name == "brier" and np.isnan(expected):
                        continue
                    assert found == pytest.approx(expected, abs=1e-12, nan_ok=True), name
    # The case is worth its name: the rare class is undefined in some resamples, not in all.
    undefined = np.isnan(resampled["auroc"][0, :, 0])
    assert 0 < undefined.sum() < num_resamples
    assert not np.isnan(resampled["auroc"][:, :, 1:]).any()


def test_every_patient_drawn_once_is_the_score_itself():
    class EachOnce(np.random.Generator):
        def integers(self, high, size):
            return np.arange(high)

    targets, models, groups = draw_case(seed=2, num_levels=15)
    resampled = resample_scores(
        targets,
        models,
        groups,
        rng=EachOnce(np.random.PCG64(0)),
        num_resamples=2,
        scores=("auroc", "average_precision"),
    )
    for model, probs in enumerate(models):
        roc, precision = ranking_scores(targets, probs)
        np.testing.assert_allclose(resampled["auroc"][model], [roc, roc], atol=1e-12)
        np.testing.assert_allclose(
            resampled["average_precision"][model], [precision, precision], atol=1e-12
        )


def test_draws_depend_on_the_generator_alone(monkeypatch):
    targets, models, groups = draw_case(seed=3)

    def draw(seed):
        rng = np.random.default_rng(seed)
        return resample_scores(targets, models, groups, rng=rng, num_resamples=50)["auroc"]

    first = draw(1)
    np.testing.assert_array_equal(first, draw(1))
    assert (first[:, :, 1:] != draw(2)[:, :, 1:]).mean() > 0.9
    monkeypatch.setattr("xlite.scores.resampling._CHUNK", 7)
    np.testing.assert_array_equal(first, draw(1))


@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.integers(1, 5))
@settings(max_examples=50, deadline=None)
def test_a_model_against_itself_never_differs(seed, num_levels, num_rows):
    targets, models, groups = draw_case(seed, num_rows=3 * num_rows, num_levels=num_levels)
    resampled = resample_scores(
        targets,
        [models[0], models[0]],
        groups,
        rng=np.random.default_rng(seed),
        num_resamples=10,
        scores=ALL,
        thresholds=[THRESHOLDS[0]] * 2,
    )
    for values in resampled.values():
        np.testing.assert_array_equal(values[0], values[1])
        assert np.isnan(values).any() or ((values >= 0) & (values <= 1)).all()


def test_spread_agrees_with_delong_where_patients_have_one_image():
    rng = np.random.default_rng(4)
    targets = (rng.random((600, 2)) < 0.3).astype(np.int8)
    models = [targets + rng.normal(size=targets.shape) * scale for scale in (1.0, 2.0)]
    resampled = resample_scores(
        targets, models, np.arange(600), rng=np.random.default_rng(1), num_resamples=3000
    )["auroc"]
    expected = compare_aurocs(targets, *models)
    found = (resampled[1] - resampled[0]).std(axis=0)
    np.testing.assert_allclose(found, expected.standard_error, rtol=0.06)


def test_patients_make_intervals_wider_than_images_do():
    targets, models, _ = draw_case(seed=5, num_rows=300)
    copies = np.repeat(np.arange(300), 5)
    targets, models = targets[copies], [probs[copies] for probs in models]

    def width(groups):
        rng = np.random.default_rng(0)
        drawn = resample_scores(targets, models[:1], groups, rng=rng, num_resamples=600)
        low, high = percentile_interval(average_classes(drawn["auroc"])[0])
        return float(high - low)

    assert width(copies) > 1.8 * width(np.arange(len(copies)))


def test_macro_leaves_out_what_a_resample_lacks():
    resampled = np.array([[[0.5, np.nan, 0.7], [np.nan, np.nan, np.nan]]])
    np.testing.assert_allclose(average_classes(resampled), [[0.6, np.nan]])


def test_interval_leaves_out_undefined_resamples():
    values = np.column_stack([np.arange(1000.0), np.full(1000, np.nan)])
    values[::2, 0] = np.nan
    low, high = percentile_interval(values, level=0.9)
    expected = np.quantile(np.arange(1.0, 1000.0, 2.0), [0.05, 0.95])
    np.testing.assert_allclose([low[0], high[0]], expected)
    assert np.isnan([low[1], high[1]]).all()


def test_what_does_not_fit_is_refused():
    targets, models, groups = draw_case(seed=6)
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="240 rows need as many groups"):
        resample_scores(targets, models, groups[:7], rng=rng)
    with pytest.raises(ValueError, match="thresholds of each of 2 models"):
        resample_scores(targets, models, groups, rng=rng, scores=("f1",))
    with pytest.raises(ValueError, match="3 classes need as many thresholds"):
        resample_scores(
            targets, models[:1], groups, rng=rng, scores=("f1",), thresholds=[np.zeros(2)]
        )
    with pytest.raises(ValueError, match=r"probs outside \[0, 1\]"):
        resample_scores(targets, [models[0] * 3], groups, rng=rng, scores=("brier",))
    with pytest.raises(ValueError, match="NaN or infinite probs"):
        resample_scores(targets, [np.full_like(models[0], np.nan)], groups, rng=rng)


@pytest.mark.slow
def test_paired_interval_of_equal_models_covers_zero_as_often_as_it_says():
    rng = np.random.default_rng(7)
    covered = []
    for _ in range(300):
        groups = np.repeat(np.arange(150), 3)
        targets = (rng.random((150, 3)) < 0.3)[groups].astype(np.int8)
        shared = targets + rng.normal(size=(150, 3))[groups]
        models = [shared + rng.normal(size=(150, 3))[groups] for _ in range(2)]
        drawn = average_classes(
            resample_scores(targets, models, groups, rng=rng, num_resamples=400)["auroc"]
        )
        low, high = percentile_interval(drawn[1] - drawn[0])
        covered.append(low <= 0 <= high)
    # Binomial sd at 300 samples is 0.013.
    assert 0.91 < np.mean(covered) < 0.985
