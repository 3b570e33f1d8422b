"""Newcombe's method 5 against his formula, and the coverage of planted AUROCs."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import norm, t

from benchmarks.validity_intervals import cover_auroc
from xlite.scores import auroc_interval as module
from xlite.scores.auroc_interval import auroc_interval
from xlite.scores.ranking import auroc


def draw(seed: int, *, num_rows: int = 400) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    targets = (rng.random((num_rows, 4)) < [0.02, 0.1, 0.3, 0.6]).astype(np.int8)
    return targets, rng.normal(size=targets.shape) + 1.2 * targets


def test_with_the_model_alone_it_is_newcombe_s_method_5(monkeypatch: pytest.MonkeyPatch) -> None:
    # With all weight on the model, phi is 1 and t is z: what is left is his.
    monkeypatch.setattr(module, "PRIOR_PATIENTS", 1e9)
    targets, scores = draw(0)
    found = auroc_interval(targets, scores, level=0.9)
    for column in range(4):
        m, n = ((targets[:, column] == code).sum() for code in (1, 0))
        theta = found.auroc[column]

        def distance(other: float, m: int = m, n: int = n, theta: float = theta) -> float:
            # Hanley and McNeil's Q1 and Q2 with m* = n* = (m + n) / 2 as Newcombe sets them.
            q1, q2 = other / (2 - other), 2 * other**2 / (1 + other)
            mean = (m + n) / 2 - 1
            spread = (q1 - other**2) * mean + (q2 - other**2) * mean
            variance = (other * (1 - other) + spread) / (m * n)
            return (theta - other) ** 2 - norm.ppf(0.95) ** 2 * variance

        assert found.low[column] == pytest.approx(brentq(distance, 1e-6, theta), abs=1e-6)
        assert found.high[column] == pytest.approx(brentq(distance, theta, 1 - 1e-6), abs=1e-6)


def test_of_many_patients_it_is_delong_s_with_student_s_t() -> None:
    rng = np.random.default_rng(1)
    targets = (rng.random((20_000, 1)) < 0.4).astype(np.int8)
    scores = 0.4 * rng.normal(size=targets.shape) * (1 + targets) + targets * 0.3
    found = auroc_interval(targets, scores)
    variance = module.estimate_auroc_covariance(targets, [scores]).variance[0, 0]
    margin = t.ppf(0.975, 8000) * np.sqrt(variance)
    np.testing.assert_allclose(found.auroc[0] - found.low[0], margin, rtol=0.02)
    np.testing.assert_allclose(found.high[0] - found.auroc[0], margin, rtol=0.02)


def test_the_interval_holds_the_auroc_and_widens_with_the_level() -> None:
    targets, scores = draw(2)
    found, wide = (auroc_interval(targets, scores, level=level) for level in (0.95, 0.99))
    np.testing.assert_allclose(found.auroc, auroc(targets, scores))
    for low, inner, value, outer, high in zip(
        wide.low, found.low, found.auroc, found.high, wide.high, strict=True
    ):
        assert 0 <= low < inner < value < outer < high <= 1


def test_copies_of_an_image_are_no_evidence() -> None:
    targets, scores = draw(3)
    plain = auroc_interval(targets, scores)
    groups = np.repeat(np.arange(len(targets)), 3)
    again = auroc_interval(targets.repeat(3, axis=0), scores.repeat(3, axis=0), patients=groups)
    np.testing.assert_allclose(again.auroc, plain.auroc)
    assert ((again.high - again.low) > 0.97 * (plain.high - plain.low)).all()


def test_what_has_no_spread_has_an_interval_and_what_is_undefined_has_none() -> None:
    targets = np.repeat(np.array([1, 0], dtype=np.int8), (5, 30))[:, None]
    perfect = auroc_interval(targets, targets.astype(float))
    assert perfect.auroc[0] == perfect.high[0] == 1
    assert 0.7 < perfect.low[0] < 0.95
    reverse = auroc_interval(targets, -targets.astype(float))
    np.testing.assert_allclose((reverse.low[0], reverse.high[0]), (0, 1 - perfect.low[0]))
    single = auroc_interval(targets[4:], np.linspace(1, 0, 31)[:, None])
    assert single.low[0] < 0.65
    for rows in (slice(0, 5), slice(5, None)):
        undefined = auroc_interval(targets[rows], targets[rows].astype(float))
        assert np.isnan([undefined.auroc, undefined.low, undefined.high]).all()


def test_one_patient_s_images_are_one_positive() -> None:
    targets, scores = draw(4)
    groups = np.where(targets[:, 1] == 1, 0, np.arange(len(targets)))
    alone = auroc_interval(targets, scores)
    together = auroc_interval(targets, scores, patients=groups)
    assert together.high[1] - together.low[1] > 2 * (alone.high[1] - alone.low[1])


@pytest.mark.parametrize(
    ("num_positives", "true"), [(10, 0.85), (10, 0.95), (20, 0.6), (20, 0.95), (50, 0.95)]
)
def test_coverage(num_positives: int, true: float) -> None:
    rate = cover_auroc(num_positives, true, num_negatives=400, trials=1500, seed=5)
    # Binomial sd of 1,500 trials at 95 %: 0.6 %.
    assert 0.925 <= rate.rate <= 0.98


@pytest.mark.parametrize("num_patients", [10, 30])
def test_coverage_of_patients_with_several_images(num_patients: int) -> None:
    rate = cover_auroc(
        num_patients, 0.85, num_negatives=400, trials=1000, seed=6, images_a_patient=(1, 2, 6)
    )
    assert 0.92 <= rate.rate <= 0.985
