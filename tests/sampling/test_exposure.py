from __future__ import annotations

import csv
import gzip
import math
from pathlib import Path
from statistics import fmean, pstdev

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xlite.labels import NIH_LABELS
from xlite.sampling.exposure import expected_exposure
from xlite.sampling.label_sets import find_label_sets
from xlite.sampling.weights import sampling_weights
from xlite.settings import SamplerSettings


@pytest.fixture(scope="module")
def nih_rows(nih_table: Path) -> list[list[str]]:
    """The labels of each of the 112,120 images, read without xlite."""
    with gzip.open(nih_table, "rt", encoding="utf-8") as file:
        texts = [row["Finding Labels"] for row in csv.DictReader(file)]
    return [[label for label in text.split("|") if label != "No Finding"] for text in texts]


@pytest.fixture(scope="module")
def nih_labels(nih_rows: list[list[str]]) -> np.ndarray:
    labels = np.zeros((len(nih_rows), 14), dtype=np.int8)
    for row, present in enumerate(nih_rows):
        for label in present:
            labels[row, NIH_LABELS.index(label)] = 1
    return labels


def class_weights(rows: list[list[str]], power: float) -> dict[str, float]:
    counts = dict.fromkeys(NIH_LABELS, 0)
    for present in rows:
        for label in present:
            counts[label] += 1
    return {label: 1 / (count + 1) ** power for label, count in counts.items()}


def brute_force(rows: list[list[str]], weights: list[float]) -> dict[str, float]:
    """CV, share without a finding, ESS and Hernia's share, by a loop over the images."""
    mass = dict.fromkeys(NIH_LABELS, 0.0)
    healthy = []
    for present, weight in zip(rows, weights, strict=True):
        if not present:
            healthy.append(weight)
        for label in present:
            mass[label] += weight
    total = math.fsum(weights)
    all_mass = sum(mass.values())
    share = {label: value / all_mass for label, value in mass.items()}
    return {
        "cv": pstdev(share.values()) / fmean(share.values()),
        "no_finding": math.fsum(healthy) / total,
        "ess": total**2 / math.fsum(w * w for w in weights) / len(weights),
        "hernia": share["Hernia"],
    }


# The published table is of a 70 % training part that is not at hand. These are the same five
# rows on the whole table, whose prevalences differ a little: hence the wide last tolerance.
@pytest.mark.parametrize(
    ("combine", "power", "healthy", "sampler", "published"),
    [
        (None, 0.0, None, {"name": "none"}, (0.911, 0.538, 1.00, 0.0027)),
        (fmean, 1.0, None, {"name": "inverse-mean"}, (0.352, 0.258, 0.258, 0.0511)),
        (max, 1.0, None, {"name": "inverse-max"}, (0.415, 0.217, 0.223, 0.0497)),
        (
            *(fmean, 1.0, 1.0),
            {"name": "inverse-mean", "no_finding": 1.0},
            (0.352, 0.9997, 0.539, 0.0511),
        ),
        (fmean, 0.5, None, {"name": "inverse-mean", "power": 0.5}, (0.640, 0.414, 0.837, 0.0116)),
    ],
)
def test_nih_exposure_agrees_with_a_loop_over_its_images(
    nih_rows, nih_labels, combine, power, healthy, sampler, published
) -> None:
    of_class = class_weights(nih_rows, power)
    default = min(of_class.values()) if healthy is None else healthy
    weights = [
        combine([of_class[label] for label in present]) if combine and present else default
        for present in nih_rows
    ]
    expected = brute_force(nih_rows, weights)
    given_weights = sampling_weights(nih_labels, SamplerSettings(**sampler))
    exposure = expected_exposure(nih_labels, given_weights)

    assert exposure.cv == pytest.approx(expected["cv"], abs=1e-9)
    assert exposure.no_finding_share == pytest.approx(expected["no_finding"], abs=1e-9)
    assert exposure.ess == pytest.approx(expected["ess"], abs=1e-9)
    assert exposure.share[-1] == pytest.approx(expected["hernia"], abs=1e-9)
    actual = (exposure.cv, exposure.no_finding_share, exposure.ess, exposure.share[-1])
    assert actual == pytest.approx(published, abs=0.007)


def test_nih_without_weights_has_the_published_counts(nih_labels) -> None:
    sets = find_label_sets(nih_labels)
    assert len(sets.counts) == 801
    assert sets.counts[sets.no_finding].tolist() == [60_361]
    exposure = expected_exposure(sets, None)
    assert exposure.ess == pytest.approx(1)
    assert exposure.max_repeats == pytest.approx(1)
    assert exposure.distinct_images == 112_120
    # With equal weights images are drawn; one is missed with probability (1 - 1/N)^N, about 1/e.
    drawn = expected_exposure(sets, np.ones(112_120))
    assert drawn.distinct_images == pytest.approx(112_120 * (1 - (1 - 1 / 112_120) ** 112_120))
    np.testing.assert_allclose(exposure.ess_within_class, sets.class_counts)


@given(seed=st.integers(0, 2**32), num_draws=st.integers(1, 500))
@settings(max_examples=80, deadline=None)
def test_every_quantity_agrees_with_dense_algebra(seed: int, num_draws: int) -> None:
    rng = np.random.default_rng(seed)
    num_images, num_classes = int(rng.integers(2, 40)), int(rng.integers(1, 6))
    labels = rng.choice([-1, 0, 0, 1], size=(num_images, num_classes)).astype(np.int8)
    weights = rng.exponential(size=num_images) * (rng.random(num_images) < 0.8) + 1e-6
    patients = rng.integers(0, 7, size=num_images)
    exposure = expected_exposure(labels, weights, num_draws=num_draws, patients=patients)

    q = weights / weights.sum()
    present = (labels == 1).astype(float)
    e = q @ present
    np.testing.assert_allclose(exposure.positives_per_image, e, atol=1e-12)
    np.testing.assert_allclose(exposure.share, e / e.sum() if e.any() else np.nan, atol=1e-12)
    np.testing.assert_allclose(
        exposure.co_occurrence, np.einsum("i,ic,id->cd", q, present, present), atol=1e-12
    )
    assert exposure.no_finding_share == pytest.approx(q[(labels == 0).all(axis=1)].sum())
    assert exposure.ess == pytest.approx(1 / (q @ q) / num_images)
    assert exposure.max_repeats == pytest.approx(num_draws * q.max())
    assert exposure.distinct_images == pytest.approx((1 - (1 - q) ** num_draws).sum())
    assert exposure.distinct_images <= min(num_images, num_draws) + 1e-9
    for c in range(num_classes):
        of_class = q * present[:, c]
        if not of_class.any():
            assert np.isnan(exposure.ess_within_class[c])
            assert np.isnan(exposure.patients_within_class[c])
            continue
        of_patients = np.array([of_class[patients == p].sum() for p in range(7)])
        effective_images = of_class.sum() ** 2 / (of_class @ of_class)
        effective_patients = of_class.sum() ** 2 / (of_patients @ of_patients)
        assert exposure.ess_within_class[c] == pytest.approx(effective_images)
        assert exposure.patients_within_class[c] == pytest.approx(effective_patients)


def test_distinct_images_and_repeats_agree_with_drawing() -> None:
    rng = np.random.default_rng(3)
    labels = rng.integers(0, 2, size=(300, 3)).astype(np.int8)
    weights = rng.exponential(size=300)
    exposure = expected_exposure(labels, weights)
    epochs = [rng.choice(300, size=300, p=weights / weights.sum()) for _ in range(400)]
    drawn = np.mean([len(np.unique(epoch)) for epoch in epochs])
    assert drawn == pytest.approx(exposure.distinct_images, abs=1.5)
    repeats = np.mean([(epoch == weights.argmax()).sum() for epoch in epochs])
    assert repeats == pytest.approx(exposure.max_repeats, rel=0.1)
    # Ensure that the above was a meaningful test: uniform draws would show more images.
    assert expected_exposure(labels, None).distinct_images > drawn + 10


def test_a_class_without_positives_is_not_a_number() -> None:
    labels = np.array([[1, 0], [0, 0]], dtype=np.int8)
    exposure = expected_exposure(labels, None, patients=np.array([0, 1]))
    assert exposure.share.tolist() == [1, 0]
    assert exposure.cv == 1
    assert np.isnan(exposure.ess_within_class[1])
    assert np.isnan(exposure.patients_within_class[1])
    healthy = expected_exposure(np.zeros((2, 2), dtype=np.int8), None)
    assert np.isnan(healthy.share).all()
    assert np.isnan(healthy.cv)


def test_a_sure_image_and_tiny_weights_are_exact() -> None:
    labels = np.array([[1], [0]], dtype=np.int8)
    exposure = expected_exposure(labels, np.array([1e-300, 0.0]), num_draws=5)
    assert exposure.distinct_images == 1
    assert exposure.max_repeats == 5
    assert exposure.ess == 0.5


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.array([1.0]), "one an image"),
        (np.array([1.0, -1.0]), "first: -1.0 for image 1"),
        (np.array([np.nan, 1.0]), "not finite"),
        (np.array([np.inf, 1.0]), "not finite"),
        (np.array([0.0, 0.0]), "all weights are 0"),
    ],
)
def test_wrong_weights_are_refused(weights: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        expected_exposure(np.eye(2, dtype=np.int8), weights)


def test_wrong_draws_and_patients_are_refused() -> None:
    labels = np.eye(2, dtype=np.int8)
    with pytest.raises(ValueError, match="at least 1"):
        expected_exposure(labels, None, num_draws=0)
    with pytest.raises(ValueError, match="patients"):
        expected_exposure(labels, None, patients=np.array([0]))
    with pytest.raises(ValueError, match="patients"):
        expected_exposure(labels, None, patients=np.array([0, -1]))
