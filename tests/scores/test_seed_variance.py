"""Sources of error of a difference over seeds, against the sources that were planted."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from xlite.scores.seed_variance import combine_seeds


def draw_study(rng, *, num_seeds, seed_sd, image_sd, interaction_sd, num_resamples, studies=1):
    """Differences (S, studies) of true mean 0 and their resamples (S, R, studies)."""
    shape = (num_seeds, studies)
    differences = (
        seed_sd * rng.normal(size=shape)
        + image_sd * rng.normal(size=(1, studies))
        + interaction_sd * rng.normal(size=shape)
    )
    resampled = (
        differences[:, None]
        + image_sd * rng.normal(size=(1, num_resamples, studies))
        + interaction_sd * rng.normal(size=(num_seeds, num_resamples, studies))
    )
    return differences, resampled


def test_finds_the_planted_sources():
    rng = np.random.default_rng(0)
    differences, resampled = draw_study(
        rng, num_seeds=400, seed_sd=3.0, image_sd=2.0, interaction_sd=1.0, num_resamples=4000
    )
    found = combine_seeds(differences, resampled)
    assert found.between_seed_sd[0] == pytest.approx(3.0, rel=0.1)
    assert found.interaction_sd[0] == pytest.approx(1.0, rel=0.02)
    assert found.between_image_sd[0] == pytest.approx(np.sqrt(4 + 1 / 400), rel=0.04)
    assert found.standard_error[0] == pytest.approx(np.sqrt(9 / 400 + 4 + 1 / 400), rel=0.04)


def test_is_the_t_test_over_seeds_where_images_add_nothing():
    rng = np.random.default_rng(1)
    differences = rng.normal(0.3, 1.0, (5, 4))
    found = combine_seeds(differences, np.repeat(differences[:, None], 30, axis=1))
    expected = ttest_1samp(differences, 0.0)
    np.testing.assert_allclose(found.p, expected.pvalue, rtol=1e-9)
    np.testing.assert_allclose(
        [found.low, found.high], expected.confidence_interval(0.95), rtol=1e-9
    )


def test_is_the_bootstrap_where_seeds_add_nothing():
    rng = np.random.default_rng(2)
    drawn = np.repeat(rng.normal(0.5, 0.2, (1, 20000)), 3, axis=0)
    found = combine_seeds(np.full(3, 0.5), drawn)
    assert found.between_seed_sd == 0
    np.testing.assert_allclose(
        [found.low, found.high], np.quantile(drawn[0], [0.025, 0.975]), atol=0.01
    )


@pytest.mark.parametrize("num_seeds", [3, 5])
@pytest.mark.parametrize(
    ("seed_sd", "image_sd", "interaction_sd"),
    [(0, 1, 0), (1, 0, 0), (1, 1, 1), (0.5, 1, 0.7), (2, 1, 0.5), (0, 0, 1)],
)
def test_total_interval_covers_the_truth_as_often_as_it_says(
    num_seeds, seed_sd, image_sd, interaction_sd
):
    rng = np.random.default_rng(3)
    differences, resampled = draw_study(
        rng,
        num_seeds=num_seeds,
        seed_sd=seed_sd,
        image_sd=image_sd,
        interaction_sd=interaction_sd,
        num_resamples=200,
        studies=3000,
    )
    found = combine_seeds(differences, resampled)
    covered = (found.low <= 0) & (found.high >= 0)
    assert 0.925 < covered.mean() < 0.99
    np.testing.assert_array_equal(covered, found.p > 0.05)


def test_one_seed_leaves_the_spread_of_seeds_open():
    drawn = np.random.default_rng(4).normal(0.5, 0.1, (1, 500))
    found = combine_seeds(np.array([0.5]), drawn)
    assert found.between_image_sd == pytest.approx(0.1, rel=0.1)
    for value in (found.between_seed_sd, found.standard_error, found.low, found.high, found.p):
        assert np.isnan(value)


def test_equal_models_do_not_differ():
    found = combine_seeds(np.zeros(3), np.zeros((3, 50)))
    assert (found.difference, found.low, found.high, found.p) == (0, 0, 0, 1)


def test_undefined_resamples_are_left_out():
    rng = np.random.default_rng(5)
    differences, resampled = draw_study(
        rng,
        num_seeds=3,
        seed_sd=1,
        image_sd=1,
        interaction_sd=1,
        num_resamples=100,
        studies=2,
    )
    kept = combine_seeds(differences, resampled[:, :60])
    with_gaps = resampled.copy()
    with_gaps[:, 60:] = np.nan
    np.testing.assert_allclose(combine_seeds(differences, with_gaps).p, kept.p, rtol=1e-12)
    with_gaps[:, :, 1] = np.nan
    np.testing.assert_array_equal(np.isnan(combine_seeds(differences, with_gaps).p), [False, True])


def test_shapes_have_to_agree():
    with pytest.raises(ValueError, match=r"\(S, R, ...\)"):
        combine_seeds(np.zeros((3, 2)), np.zeros((3, 50)))
