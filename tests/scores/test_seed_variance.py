"""Sources of error of a difference over seeds, against the sources that were planted."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import f as f_distribution
from scipy.stats import norm, ttest_1samp
from scipy.stats import t as student

from xlite.scores.seed_variance import SeedNoise, combine_seeds, estimate_seed_noise


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


SOURCES = [
    (1, 0.05, 0.05),
    (1, 0.3, 0.3),
    (1, 0.5, 0.5),
    (1, 1, 0.5),
    (0.5, 1, 0.5),
    (0, 1, 0.5),
    (0, 0.3, 1),
]
"""Standard deviations of seeds, images and their interaction."""


def draw_arms(rng, *, num_arms, num_seeds, sources, studies, spread=1.0):
    """Scores (A, S, studies) of equal arms and resamples of the first two, (2, S, R, studies).

    spread: that of the seeds of the second arm, relative to the others'.
    """
    seed_sd, image_sd, interaction_sd = (sd / np.sqrt(2) for sd in sources)
    shape = (num_arms, num_seeds, studies)
    of_arm = np.where(np.arange(num_arms) == 1, spread, 1.0)[:, None, None]
    scores = (
        rng.normal(size=(1, num_seeds, studies))
        + seed_sd * of_arm * rng.normal(size=shape)
        + image_sd * rng.normal(size=(num_arms, 1, studies))
        + interaction_sd * rng.normal(size=shape)
    )
    resampled = (
        scores[:2, :, None]
        + image_sd * rng.normal(size=(2, 1, 150, studies))
        + interaction_sd * rng.normal(size=(2, num_seeds, 150, studies))
    )
    return scores, resampled


def judge_arms(scores, resampled, *, is_pooled=True):
    noise = estimate_seed_noise(scores if is_pooled else scores[:2])
    return combine_seeds(scores[1] - scores[0], resampled[1] - resampled[0], noise=noise)


def p_of_satterthwaite(scores, resampled):
    """Student's test with Satterthwaite's degrees of freedom, as textbooks have it."""
    found = judge_arms(scores, resampled, is_pooled=False)
    num_seeds = scores.shape[1]
    total = found.between_seed_sd**2 / num_seeds + found.between_image_sd**2
    freedom = (num_seeds - 1) * (total / (found.noise.variance / num_seeds)) ** 2
    return 2 * student.sf(np.abs(found.difference) / np.sqrt(total), freedom)


@pytest.mark.parametrize("num_seeds", [2, 3])
@pytest.mark.parametrize("num_arms", [2, 3, 5])
def test_few_seeds_err_no_more_often_than_they_say(num_seeds, num_arms):
    rng = np.random.default_rng(7)
    errors, textbook = [], []
    for sources in SOURCES:
        drawn = draw_arms(
            rng, num_arms=num_arms, num_seeds=num_seeds, sources=sources, studies=2500
        )
        errors.append(np.mean(judge_arms(*drawn).p < 0.05))
        textbook.append(np.mean(p_of_satterthwaite(*drawn) < 0.05))
    # 2,500 trials at 5 % have a standard error of 0.44 %.
    assert max(errors) < 0.062
    assert max(textbook) > (0.09 if num_seeds == 2 else 0.062)


def test_pooling_finds_more_and_its_guard_keeps_the_error():
    rng = np.random.default_rng(8)
    options = {"num_arms": 4, "num_seeds": 2, "sources": (1, 0.3, 0.3)}
    scores, resampled = draw_arms(rng, studies=2500, **options)
    shifted = np.where(np.arange(4) == 1, 2.5, 0.0)[:, None, None]
    pooled = judge_arms(scores + shifted, resampled + shifted[:2, :, None])
    alone = judge_arms(scores + shifted, resampled + shifted[:2, :, None], is_pooled=False)
    assert np.mean(pooled.p < 0.05) > np.mean(alone.p < 0.05) + 0.1
    scores, resampled = draw_arms(rng, studies=2500, spread=2.0, **options)
    guarded = judge_arms(scores, resampled)
    assert np.mean(guarded.p < 0.05) < 0.07
    left = scores - scores.mean(axis=1, keepdims=True)
    variance = 2 * ((left - left.mean(axis=0)) ** 2).sum(axis=(0, 1)) / 3
    noise = SeedNoise(variance=variance, freedom=np.full(2500, 3.0))
    careless = combine_seeds(scores[1] - scores[0], resampled[1] - resampled[0], noise=noise)
    assert np.mean(careless.p < 0.05) > 0.075


def test_two_arms_know_no_more_than_their_own_differences():
    scores = np.random.default_rng(9).normal(size=(2, 4, 3))
    noise = estimate_seed_noise(scores)
    np.testing.assert_allclose(noise.variance, (scores[1] - scores[0]).var(axis=0, ddof=1))
    np.testing.assert_array_equal(noise.freedom, 3)


def test_pooled_noise_is_the_two_way_residual_unless_the_pair_exceeds_the_guard():
    scores = np.random.default_rng(10).normal(size=(5, 3))
    arms, seeds = np.meshgrid(np.arange(5), np.arange(3), indexing="ij")
    design = np.column_stack([np.eye(5)[arms.ravel()], np.eye(3)[seeds.ravel()][:, 1:]])
    _, residual, _, _ = np.linalg.lstsq(design, scores.ravel(), rcond=None)
    freedoms = set()
    for variant in range(1, 5):
        noise = estimate_seed_noise(scores, variant=variant)
        own = (scores[variant] - scores[0]).var(ddof=1)
        rest = (2 * residual[0] - 2 * own) / 6
        is_pooled = own / rest <= f_distribution.ppf(0.6, 2, 6)
        assert noise.freedom == (8 if is_pooled else 2)
        assert noise.variance == pytest.approx(2 * residual[0] / 8 if is_pooled else own)
        freedoms.add(float(noise.freedom))
    assert freedoms == {2, 8}, "ensure that both branches were seen"


def test_arms_that_never_differ_have_no_noise_whatever_others_have():
    scores = np.random.default_rng(12).normal(size=(4, 3))
    scores[1] = scores[0]
    noise = estimate_seed_noise(scores)
    assert (noise.variance, noise.freedom) == (0, 2)


def test_few_patients_widen_the_interval_as_students_quantile_does():
    drawn = np.repeat(np.random.default_rng(11).normal(0.5, 0.2, (1, 4000)), 3, axis=0)
    many = combine_seeds(np.full(3, 0.5), drawn)
    few = combine_seeds(np.full(3, 0.5), drawn, image_freedom=4)
    ratio = (few.high - few.low) / (many.high - many.low)
    assert ratio == pytest.approx(student.ppf(0.975, 4) / norm.ppf(0.975), rel=1e-6)
    assert few.p == pytest.approx(2 * student.sf(0.5 / few.standard_error, 4), rel=1e-4)
    assert np.isnan(combine_seeds(np.full(3, 0.5), drawn, image_freedom=0.9).p)


def test_one_seed_covers_the_images_and_leaves_the_spread_of_seeds_open():
    drawn = np.random.default_rng(4).normal(0.5, 0.1, (1, 500))
    found = combine_seeds(np.array([0.5]), drawn, image_freedom=9)
    assert found.between_image_sd == pytest.approx(0.1, rel=0.1)
    assert np.isnan([found.between_seed_sd, found.interaction_sd, found.noise.variance]).all()
    margin = student.ppf(0.975, 9) * found.between_image_sd
    np.testing.assert_allclose([found.low, found.high], [0.5 - margin, 0.5 + margin])


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
