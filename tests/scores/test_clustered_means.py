"""Intervals of means over patients, against closed forms and by how often they hold the truth."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from xlite.errors import ArgumentError
from xlite.scores.clustered_means import compare_means, linearise, measure_mean


def test_of_many_single_answers_it_is_wilson_s_interval() -> None:
    hits = np.repeat([1.0, 0.0], [300, 700])
    found = measure_mean(hits, np.arange(1000))
    p, n, z = 0.3, 1000, norm.ppf(0.975)
    centre, half = p + z * z / (2 * n), z * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    expected = [(centre + sign * half) / (1 + z * z / n) for sign in (-1, 1)]
    np.testing.assert_allclose([found.low, found.high], expected, atol=2e-4)


def test_copies_of_a_patient_s_films_tell_nothing_new() -> None:
    values, patients = np.array([0.2, 0.9, 0.4, 0.6, 0.1]), np.arange(5)
    once = measure_mean(values, patients)
    thrice = measure_mean(np.tile(values, 3), np.tile(patients, 3))
    np.testing.assert_allclose([thrice.low, thrice.high], [once.low, once.high])
    assert thrice.patients == 5


def test_the_error_is_the_jackknife_s() -> None:
    rng = np.random.default_rng(0)
    patients = rng.integers(60, size=150)
    values = rng.random(150)
    _, residuals = linearise(values, patients)
    left = [values[patients != one].mean() for one in np.unique(patients)]
    jackknife = (len(left) - 1) * np.var(left)
    assert residuals @ residuals == pytest.approx(jackknife, rel=0.05)


def test_a_difference_is_paired() -> None:
    rng = np.random.default_rng(1)
    base = rng.random(200) * 0.8
    better = np.clip(base + 0.05 + rng.normal(0, 0.01, 200), 0, 1)
    patients = np.arange(200)
    paired = compare_means(better, base, patients)
    unpaired = compare_means(better, rng.permutation(base), patients)
    assert 0 < paired.low < 0.05 < paired.high
    assert unpaired.high - unpaired.low > 5 * (paired.high - paired.low)
    other_way = compare_means(base, better, patients)
    np.testing.assert_allclose([-other_way.high, -other_way.low], [paired.low, paired.high])


def test_two_that_never_differed_may_differ_elsewhere() -> None:
    hits = np.repeat([1.0, 0.0], 10)
    found = compare_means(hits, hits, np.arange(20))
    assert -0.3 < found.low < -0.08
    assert found.high == pytest.approx(-found.low)


def test_what_is_unknown_is_nan() -> None:
    assert np.isnan(measure_mean(np.empty(0), np.empty(0)).value)
    single = measure_mean(np.array([1.0, 0.0]), np.array(["p", "p"]))
    assert (single.value, single.patients) == (0.5, 1)
    assert np.isnan([single.low, single.high]).all()
    gain = compare_means(np.ones(2), np.zeros(2), np.array(["p", "p"]))
    assert gain.value == 1
    assert np.isnan([gain.low, gain.high]).all()
    with pytest.raises(ArgumentError, match="as many patients"):
        measure_mean(np.ones(2), np.ones(3))


def draw_hits(rng: np.random.Generator, num_patients: int) -> tuple[np.ndarray, ...]:
    """Hits of two methods on one to three films a patient, alike within a patient."""
    patients = np.repeat(np.arange(num_patients), rng.integers(1, 4, num_patients))
    ease = rng.beta(2, 2, num_patients)[patients]
    draws = rng.random((2, len(patients)))
    return (draws[0] < ease ** (1 / 3)).astype(float), (draws[1] < ease).astype(float), patients


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    # E[U^(1/3)] and E[U] of a Beta(2, 2): B(7/3, 2) / B(2, 2), and a half.
    truth = 6 * (1 / (7 / 3) - 1 / (10 / 3))
    rng = np.random.default_rng(7)
    held = []
    for _ in range(600):
        ones, others, patients = draw_hits(rng, 20)
        mean, gain = measure_mean(ones, patients), compare_means(ones, others, patients)
        held.append((mean.low <= truth <= mean.high, gain.low <= truth - 0.5 <= gain.high))
    assert np.all(np.mean(held, axis=0) > 0.93)
    assert np.all(np.mean(held, axis=0) < 0.985)
