"""Distances from films of training, and the share of ordinary films that a level marks."""

from __future__ import annotations

import numpy as np
import pytest

from xlite.scores.typical_films import TypicalFilms, fit_typical_films


def draw(rng: np.random.Generator, num: int) -> np.ndarray:
    """Films in a plane of eight directions that the seed fixes, with noise around it."""
    plane = np.random.default_rng(7).normal(size=(8, 96))
    return (rng.normal(size=(num, 8)) @ plane + 0.3 * rng.normal(size=(num, 96))).astype("float32")


def test_of_ordinary_films_no_more_are_marked_than_the_level_says() -> None:
    rng = np.random.default_rng(1)
    shares = []
    for _ in range(200):
        films = fit_typical_films(draw(rng, 120), draw(rng, 59), is_unseen=True)
        shares.append(np.mean(films.p_values(films.measure(draw(rng, 200))) <= 0.05))
    # Of 60 places in the order, 3 lie below 0.05: 0.05 exactly, up to the error of 200 trials.
    assert np.mean(shares) == pytest.approx(0.05, abs=4 * np.std(shares) / np.sqrt(200))
    strange = rng.normal(size=(200, 96)).astype("float32")
    assert np.mean(films.p_values(films.measure(strange)) <= 0.05) > 0.95


def test_brightness_of_features_is_no_distance() -> None:
    rng = np.random.default_rng(2)
    films = fit_typical_films(draw(rng, 120), draw(rng, 59), is_unseen=True)
    some = draw(rng, 5)
    np.testing.assert_allclose(films.measure(some), films.measure(10 * some), rtol=1e-5)


def test_the_distance_is_what_a_projection_leaves() -> None:
    films = TypicalFilms(
        mean=np.zeros(3, "float32"),
        directions=np.array([[1, 0, 0]], "float32"),
        distances=np.array([0.1, 0.2, 0.2], "float32"),
        is_unseen=True,
    )
    distances = films.measure(np.array([[5, 0, 0], [3, 4, 0], [0, 0, 0]], "float32"))
    np.testing.assert_allclose(distances, [0, 0.8, 0])
    np.testing.assert_array_equal(films.p_values(np.array([0.05, 0.2, 0.3])), [1, 0.75, 0.25])
