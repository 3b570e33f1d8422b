"""DeLong's variance and test against pROC, the definition with every pair, and simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm, t

from xlite.scores.bootstrap import resample_scores
from xlite.scores.delong import compare_aurocs, estimate_auroc_covariance
from xlite.scores.ranking import auroc

# Ranks of three markers of outcome after aneurysmal subarachnoid haemorrhage (Turck et al. 2010,
# doi:10.1007/s00134-009-1641-y), the example of R's pROC (Robin et al. 2011): 41 patients with a
# poor outcome, then 72 with a good one. Ranks are all that AUROC depends on.
NDKA = """
37 24 28 35 3 9 18 43 47 43 43 14 32 39 5 7 30 1 51 39 16 18 22 30 41 26 39 7 49 34 3 12 39 3 11 43
20 32 45 18 35
0 8 6 17 4 34 4 38 29 38 36 46 10 4 23 4 4 50 25 13 13 38 2 6 4 12 27 6 33 44 6 4 23 10 6 27 42 40
15 21 48 4 36 13 17 17 33 2 36 23 10 17 38 17 21 6 13 17 42 8 23 26 44 19 23 10 42 15 31 40 4 29
"""
S100B = """
8 5 11 7 25 30 28 2 19 4 2 23 21 27 30 15 30 30 30 2 30 17 0 4 13 30 15 30 3 15 8 5 6 13 30 9 30 18
30 30 25
8 9 5 1 26 12 5 5 1 3 1 4 6 2 12 2 6 8 12 1 11 9 20 4 29 26 11 2 24 26 6 3 4 3 1 8 5 9 10 1 1 4 1 4
3 11 4 3 19 6 16 2 5 18 2 1 14 22 5 10 3 9 5 2 1 12 10 26 12 10 29 27
"""
WFNS = """
2 1 3 4 4 4 4 1 4 1 0 1 4 3 3 1 4 4 4 1 4 1 4 1 3 4 3 3 0 3 3 1 1 4 4 1 1 4 4 4 4
0 0 0 0 4 0 1 1 0 1 1 0 0 0 1 0 1 0 0 2 3 0 3 0 4 4 0 0 1 3 0 0 1 1 0 1 0 1 1 0 0 0 0 1 0 1 0 0 2 1
3 1 0 3 0 0 4 3 1 1 0 0 0 2 0 1 1 3 3 0 0 0
"""
MARKERS = {
    name: np.array(text.split(), dtype=float)[:, None]
    for name, text in {"ndka": NDKA, "s100b": S100B, "wfns": WFNS}.items()
}
POOR_OUTCOME = np.repeat(np.array([1, 0], dtype=np.int8), (41, 72))[:, None]


def draw_case(seed: int, *, num_rows: int = 300, num_levels: int = 10**9):
    """Targets with unknowns, and two correlated models with ties where there are few levels."""
    rng = np.random.default_rng(seed)
    targets = (rng.random((num_rows, 3)) < [0.05, 0.3, 0.6]).astype(np.int8)
    shared = rng.normal(size=targets.shape) + targets
    targets[rng.random(targets.shape) < 0.1] = -1
    models = [norm.cdf(shared + rng.normal(size=targets.shape)) for _ in range(2)]
    return targets, [np.floor(probs * num_levels) / num_levels for probs in models]


def cluster_case(seed: int, *, num_patients: int):
    """Two models on two to four images a patient, who share their labels and most of the noise."""
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(num_patients), rng.integers(2, 5, num_patients))
    targets = (rng.random((num_patients, 1)) < 0.25)[groups].astype(np.int8)
    targets[rng.random(targets.shape) < 0.1] ^= 1
    of_patient = rng.normal(size=(2, num_patients, 1))[:, groups]
    models = [of_patient[k] + targets + 0.5 * rng.normal(size=targets.shape) for k in range(2)]
    return targets, models, groups


def covariance_over_pairs(targets, models):
    """The definition of DeLong et al. 1988 with all m·n comparisons, for one class."""
    above, below = [], []
    for scores in models:
        x, y = scores[targets == 1], scores[targets == 0]
        wins = (x[:, None] > y) + 0.5 * (x[:, None] == y)
        above.append(wins.mean(axis=1))
        below.append(wins.mean(axis=0))
    return np.cov(above) / len(above[0]) + np.cov(below) / len(below[0])


# Expected values of pROC, tests/testthat: test-var.R, test-cov.R, test-roc.test.R, test-ci.auc.R.
def test_variance_and_covariance_are_those_of_proc():
    estimate = estimate_auroc_covariance(POOR_OUTCOME, list(MARKERS.values()))
    np.testing.assert_allclose(
        estimate.auroc[:, 0], [0.611957994579946, 0.731368563685637, 0.823678861788618], rtol=1e-12
    )
    expected = [
        [0.0031908105493913, -0.000756164938056579, -0.000532967856762438],
        [-0.000756164938056579, 0.00266868245717244, 0.00119615567376754],
        [-0.000532967856762438, 0.00119615567376754, 0.00146991470882363],
    ]
    np.testing.assert_allclose(estimate.covariance[0], expected, rtol=1e-12)
    np.testing.assert_allclose(estimate.variance[:, 0], np.diag(expected), rtol=1e-12)


@pytest.mark.parametrize(
    ("first", "second", "z", "p"),
    [
        ("wfns", "s100b", 2.20898359144091, 0.0271757822291882),
        ("wfns", "ndka", 2.79777591868904, 0.00514557970691098),
        ("ndka", "s100b", -1.39077002573558, 0.164295175223054),
    ],
)
def test_paired_test_is_that_of_proc(first, second, z, p):
    found = compare_aurocs(POOR_OUTCOME, MARKERS[second], MARKERS[first])
    assert found.z[0] == pytest.approx(z, rel=1e-12)
    assert 2 * norm.sf(abs(found.z[0])) == pytest.approx(p, rel=1e-10)
    # Ours is Student's of the 41 patients with a poor outcome, the rarer side, less one.
    assert found.p[0] == pytest.approx(2 * t.sf(abs(z), 40), rel=1e-10)


def test_limits_of_a_difference_agree_with_its_p():
    found = compare_aurocs(POOR_OUTCOME, MARKERS["s100b"], MARKERS["wfns"])
    low, high = found.limits(1 - found.p[0])
    assert min(abs(low[0]), abs(high[0])) == pytest.approx(0, abs=1e-9)
    wide = found.limits(0.99)
    assert wide[0][0] < low[0] < found.difference[0] < high[0] < wide[1][0]


@pytest.mark.parametrize("num_levels", [3, 20, 10**9])
def test_agrees_with_comparing_every_pair(num_levels):
    targets, models = draw_case(seed=num_levels % 97, num_levels=num_levels)
    estimate = estimate_auroc_covariance(targets, models)
    difference = compare_aurocs(targets, *models)
    for column in range(3):
        expected = covariance_over_pairs(targets[:, column], [p[:, column] for p in models])
        np.testing.assert_allclose(estimate.covariance[column], expected, rtol=1e-10)
        variance = expected[0, 0] + expected[1, 1] - 2 * expected[0, 1]
        assert difference.standard_error[column] ** 2 == pytest.approx(variance, rel=1e-9)
    np.testing.assert_allclose(estimate.auroc, [auroc(targets, p) for p in models], atol=1e-12)
    np.testing.assert_allclose(difference.difference, estimate.auroc[1] - estimate.auroc[0])
    assert (targets == -1).any()


def test_models_that_rank_alike_do_not_differ():
    targets, (probs, _) = draw_case(seed=4)
    found = compare_aurocs(targets, probs, probs**3)
    np.testing.assert_array_equal(found.difference, 0)
    np.testing.assert_array_equal(found.z, 0)
    np.testing.assert_array_equal(found.p, 1)


def test_one_image_a_patient_is_the_plain_variance():
    targets, models = draw_case(seed=6)
    plain = estimate_auroc_covariance(targets, models)
    alone = estimate_auroc_covariance(targets, models, groups=np.arange(len(targets))[::-1])
    np.testing.assert_allclose(alone.covariance, plain.covariance, rtol=1e-12)


def test_copies_of_an_image_add_no_evidence_once_they_are_one_patient():
    targets, models = draw_case(seed=7)
    plain = estimate_auroc_covariance(targets, models).covariance
    groups = np.repeat(np.arange(len(targets)), 4)
    copies = [probs.repeat(4, axis=0) for probs in models]
    clustered = estimate_auroc_covariance(targets.repeat(4, axis=0), copies, groups=groups)
    np.testing.assert_allclose(clustered.covariance, plain, rtol=1e-12)
    naive = estimate_auroc_covariance(targets.repeat(4, axis=0), copies).covariance
    np.testing.assert_allclose(naive, plain / 4, rtol=0.06)


def test_clustered_variance_agrees_with_the_patient_bootstrap():
    targets, models, groups = cluster_case(seed=8, num_patients=400)
    resampled = resample_scores(
        targets, models, groups, rng=np.random.default_rng(9), num_resamples=4000
    )["auroc"][:, :, 0]
    clustered = estimate_auroc_covariance(targets, models, groups=groups)
    np.testing.assert_allclose(clustered.variance[:, 0], resampled.var(axis=1), rtol=0.12)
    paired = compare_aurocs(targets, *models, patients=groups)
    assert paired.standard_error[0] == pytest.approx(np.std(resampled[1] - resampled[0]), rel=0.06)
    # The case is worth its name: without the patients the variance is far too small.
    assert (estimate_auroc_covariance(targets, models).variance < 0.6 * clustered.variance).all()


@pytest.mark.parametrize(("num_positives", "num_negatives"), [(0, 5), (5, 0), (1, 5), (5, 1)])
@pytest.mark.parametrize("clustered", [True, False])
def test_what_has_no_spread_is_nan(num_positives, num_negatives, clustered):
    targets = np.repeat(np.array([1, 0], dtype=np.int8), (num_positives, num_negatives))[:, None]
    rng = np.random.default_rng(0)
    models = list(rng.random((2, *targets.shape)))
    groups = np.arange(len(targets)) if clustered else None
    estimate = estimate_auroc_covariance(targets, models, groups=groups)
    assert np.isnan(estimate.covariance).all()
    assert np.isnan(estimate.auroc).all() == (0 in (num_positives, num_negatives))
    assert np.isnan(compare_aurocs(targets, *models, patients=groups).p).all()


def test_perfect_separation_claims_no_certainty():
    targets = np.repeat(np.array([1, 0], dtype=np.int8), 5)[:, None]
    perfect, reverse = targets.astype(float), 1.0 - targets
    estimate = estimate_auroc_covariance(targets, [perfect])
    assert estimate.auroc[0, 0] == 1
    found = compare_aurocs(targets, perfect, reverse)
    assert found.difference[0] == -1
    assert np.isnan(found.p[0])


def test_groups_have_to_fit():
    targets, models = draw_case(seed=1)
    with pytest.raises(ValueError, match="300 rows need as many patients"):
        compare_aurocs(targets, *models, patients=np.arange(3))


def draw_binormal(rng, *, auroc, num_positives, num_negatives, num_samples):
    """Each column is a sample of its own, since classes are judged apart."""
    targets = np.repeat(np.array([1, 0], dtype=np.int8), (num_positives, num_negatives))
    targets = targets[:, None].repeat(num_samples, axis=1)
    return targets, np.sqrt(2) * norm.ppf(auroc) * targets


@pytest.mark.parametrize(("true", "num_positives"), [(0.6, 5), (0.8, 5), (0.6, 8)])
def test_few_positives_do_not_tell_equal_models_apart(true, num_positives):
    rng = np.random.default_rng(13)
    targets, signal = draw_binormal(
        rng, auroc=true, num_positives=num_positives, num_negatives=300, num_samples=1500
    )
    shared = signal + 0.6 * rng.normal(size=targets.shape)
    models = [shared + 0.8 * rng.normal(size=targets.shape) for _ in range(2)]
    found = compare_aurocs(targets, *models)
    # Ensure that the case is worth its name: the normal distribution is held to a false alarm.
    assert np.mean(2 * norm.sf(np.abs(found.z)) < 0.05) > 0.07
    assert np.mean(found.p < 0.05) < 0.065


@pytest.mark.slow
def test_paired_test_rejects_an_equal_model_as_often_as_it_says():
    rng = np.random.default_rng(12)
    targets, signal = draw_binormal(
        rng, auroc=0.8, num_positives=60, num_negatives=600, num_samples=2000
    )
    shared = signal + 0.8 * rng.normal(size=targets.shape)
    models = [shared + 0.6 * rng.normal(size=targets.shape) for _ in range(2)]
    rejected = np.mean(compare_aurocs(targets, *models).p < 0.05)
    # Binomial sd at 2,000 samples is 0.005.
    assert 0.035 < rejected < 0.065
