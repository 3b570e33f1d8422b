"""Localisation scores against counts by hand, and what is fitted on other patients."""

from __future__ import annotations

import numpy as np
import pytest

from xlite.scores import localisation
from xlite.scores.localisation import (
    THRESHOLDS,
    average_others,
    cover_boxes,
    fit_overlap,
    localise,
)


def test_scores_are_those_counted_pixel_by_pixel() -> None:
    rng = np.random.default_rng(0)
    heat = rng.random((24, 31))
    cover = cover_boxes([(3, 4, 10, 8), (9, 8, 12, 6)], 24, 31)
    inside = np.zeros((24, 31), dtype=bool)
    inside[4:12, 3:13] = inside[8:14, 9:21] = True
    np.testing.assert_array_equal(cover, inside)
    found = localise(heat, cover)
    assert found.energy == pytest.approx(heat[inside].sum() / heat.sum())
    assert found.pointing == inside.ravel()[heat.argmax()]
    for threshold, overlap in zip(THRESHOLDS, found.overlap, strict=True):
        marked = heat / heat.max() >= threshold
        assert overlap == pytest.approx((marked & inside).sum() / (marked | inside).sum())


def test_fractions_of_pixels_keep_the_area_of_a_box() -> None:
    cover = cover_boxes([(1.25, 2.5, 4.5, 3.25)], 10, 10)
    assert cover.sum() == pytest.approx(4.5 * 3.25)
    assert cover_boxes([(-5, 8, 7, 9)], 10, 10).sum() == pytest.approx(2 * 2)


def test_several_hottest_places_share_the_hit_and_none_is_a_miss() -> None:
    cover = np.array([[1.0, 0.0, 0.0, 0.0]])
    assert localise(np.array([[1.0, 0.0, 1.0, 0.5]]), cover).pointing == 0.5
    empty = localise(np.zeros((1, 4)), cover)
    assert (empty.pointing, empty.energy, empty.overlap.max()) == (0, 0, 0)


def test_what_is_fitted_is_blind_to_its_own_patient() -> None:
    rng = np.random.default_rng(3)
    overlaps = rng.random((40, len(THRESHOLDS)))
    labels, patients = np.repeat([0, 1], 20), np.arange(40) % 25
    before = fit_overlap(overlaps, labels, patients)
    changed = overlaps.copy()
    changed[patients == 3] = rng.random((2, len(THRESHOLDS)))
    after = fit_overlap(changed, labels, patients)
    own = patients == 3
    np.testing.assert_array_equal(after.thresholds[own], before.thresholds[own])
    for k in range(40):
        others = patients != patients[k]
        best = overlaps[others & (labels == labels[k])].mean(axis=0).argmax()
        assert before.thresholds[k] == THRESHOLDS[best]
        assert before.overlap[k] == overlaps[k, best]


def test_few_patients_of_a_label_borrow_from_all_labels() -> None:
    labels = np.repeat([0, 1], [localisation.FEWEST_PATIENTS, 30])
    values = np.where(labels == 0, 1.0, 3.0)[:, None]
    found = average_others(values, labels, np.arange(len(labels))).ravel()
    few, of_all = localisation.FEWEST_PATIENTS, values.mean()
    assert found[0] == pytest.approx((values.sum() - 1) / (len(labels) - 1))
    assert found[0] != of_all
    np.testing.assert_allclose(found[few:], 3)
    assert np.isnan(average_others(values[:1], labels[:1], np.array(["p"]))).all()
