"""How many images it takes: what was planned is what is found in sets of that size."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtri

from xlite.scores.auroc_interval import auroc_interval
from xlite.scores.sample_size import (
    assume_precision,
    factor_for_width,
    half_width,
    least_difference,
    macro_factor_for_width,
    macro_half_width,
    plan_difference,
)
from xlite.scores.seed_variance import combine_seeds


def draw(
    rng: np.random.Generator, num_images: int, prevalence: float, auroc: float
) -> tuple[np.ndarray, np.ndarray]:
    targets = (np.arange(num_images) < prevalence * num_images).astype(np.int8)[:, None]
    shift = np.sqrt(2) * ndtri(auroc)
    return targets, rng.normal(size=(num_images, 1)) + shift * targets


@pytest.mark.parametrize("auroc", [0.8, 0.9])
def test_intervals_of_a_planned_size_have_the_planned_width(auroc: float) -> None:
    rng = np.random.default_rng(0)
    targets, _ = draw(rng, 300, 0.1, auroc)
    precision = assume_precision(targets, np.arange(300), auroc=auroc)
    factor = factor_for_width(precision, 0.06)[0]
    size = round(300 * factor)
    found = []
    for _ in range(100):
        interval = auroc_interval(*draw(rng, size, 0.1, auroc))
        found.append((interval.high[0] - interval.low[0]) / 2)
    assert np.mean(found) == pytest.approx(0.06, rel=0.05)


def test_images_of_one_patient_are_worth_less() -> None:
    targets = np.repeat(np.array([[1], [0]], dtype=np.int8), [40, 400], axis=0)
    alone = assume_precision(targets, np.arange(440), auroc=0.8)
    shared = assume_precision(targets, np.arange(440) // 4, auroc=0.8)
    copies = assume_precision(targets, np.arange(440) // 4, auroc=0.8, correlation=1.0)
    widths = [half_width(one)[0] for one in (alone, shared, copies)]
    assert widths[0] < widths[1] < widths[2]
    # Of copies a quarter of the patients is all there is.
    quarter = assume_precision(targets[::4], np.arange(110), auroc=0.8)
    assert widths[2] == pytest.approx(half_width(quarter)[0], rel=0.1)


def test_labels_without_positives_are_not_planned_for() -> None:
    targets = np.zeros((100, 2), dtype=np.int8)
    targets[:10, 0] = 1
    precision = assume_precision(targets, np.arange(100), auroc=0.8)
    assert np.isnan(factor_for_width(precision, 0.05)).tolist() == [False, True]
    assert macro_half_width(precision) == pytest.approx(half_width(precision)[0])
    assert macro_factor_for_width(precision, 0.05) == pytest.approx(
        factor_for_width(precision, 0.05)[0]
    )
    nothing = assume_precision(targets[:, 1:], np.arange(100), auroc=0.8)
    assert np.isnan(plan_difference(nothing, 0.01, num_seeds=3).detectable)


def test_the_planned_difference_is_found_as_often_as_planned() -> None:
    rng = np.random.default_rng(3)
    targets = np.repeat(np.array([[1], [0]], dtype=np.int8), [150, 1350], axis=0)
    precision = assume_precision(targets, np.arange(1500), auroc=0.8)
    plan = plan_difference(precision, 0.05, num_seeds=5)
    of_images = float(precision.standard_error[0])  # √(2 (1 - 0.5)) of it
    found = []
    for _ in range(400):
        seeds = plan.detectable + rng.normal(0, of_images) + rng.normal(0, 0.01 * 2**0.5, 5)
        drawn = np.broadcast_to(rng.normal(0, of_images, 300), (5, 300))
        judged = combine_seeds(seeds, drawn + seeds[:, None], image_freedom=149)
        found.append(judged.low > 0)
    assert np.mean(found) == pytest.approx(0.8, abs=0.06)
    # No number of seeds tells less than the images can.
    assert least_difference(precision)[0] < plan.detectable


def test_neither_seeds_nor_images_stand_for_the_other() -> None:
    targets = np.repeat(np.array([[1], [0]], dtype=np.int8), [20, 180], axis=0)
    precision = assume_precision(targets, np.arange(200), auroc=0.8)
    plan = plan_difference(precision, 0.01, num_seeds=2)
    assert plan.num_seeds == plan.image_factor == float("inf")
    factors = list(plan_difference(precision, 0.05, num_seeds=3).by_seeds.values())
    assert factors == sorted(factors, reverse=True)
    assert np.isnan(plan_difference(precision, 0.05, num_seeds=1).detectable)
