"""How unlike films of training others are, and the share of ordinary films that a level marks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from xlite.scores.mean_film import LEAST_FILMS, measure_differences
from xlite.scores.typical_films import SeenFilms, TypicalFilms, fit_typical_films


def draw(rng: np.random.Generator, num: int) -> SeenFilms:
    """Films in a plane of eight directions that the seed fixes, with noise around it; they look
    like one picture, brighter or darker, with noise on it.
    """
    fixed = np.random.default_rng(7)
    plane, picture = fixed.normal(size=(8, 96)), fixed.integers(60, 140, (16, 16))
    features = rng.normal(size=(num, 8)) @ plane + 0.3 * rng.normal(size=(num, 96))
    light = rng.integers(0, 60, (num, 1, 1), dtype=np.uint8)
    noise = rng.integers(0, 50, (num, 16, 16), dtype=np.uint8)
    return SeenFilms(features.astype("float32"), picture.astype("uint8") + light + noise)


def mark(kept: TypicalFilms, features: np.ndarray, images: np.ndarray) -> np.ndarray:
    return kept.p_values(kept.measure(SeenFilms(features, images))) <= 0.05


def test_of_ordinary_films_no_more_are_marked_than_the_level_says() -> None:
    rng = np.random.default_rng(1)
    shares = []
    for _ in range(100):
        films = fit_typical_films(draw(rng, 120), draw(rng, 59), is_unseen=True)
        shares.append(np.mean(mark(films, *draw(rng, 200))))
    # Of 60 places in the order, 3 lie below 0.05: 0.05 exactly, up to the error of 100 trials.
    assert np.mean(shares) == pytest.approx(0.05, abs=4 * np.std(shares) / np.sqrt(100))
    ordinary = draw(rng, 200)
    strange = rng.normal(size=(200, 96)).astype("float32")
    assert np.mean(mark(films, strange, ordinary.images)) > 0.95
    # A model to which an inverted film looks like any other does not hide it.
    assert np.mean(mark(films, ordinary.features, 255 - ordinary.images)) == 1
    assert np.mean(mark(films, ordinary.features, ordinary.images[:, ::-1])) > 0.95
    assert np.mean(mark(films, ordinary.features, np.full((200, 16, 16), 90, "uint8"))) == 1
    alone = replace(films, appearance=None)
    assert np.mean(mark(alone, strange, 255 - ordinary.images)) > 0.95
    assert np.mean(mark(alone, ordinary.features, 255 - ordinary.images)) < 0.15


def test_brightness_of_features_and_of_films_is_no_distance() -> None:
    rng = np.random.default_rng(2)
    films = fit_typical_films(draw(rng, 120), draw(rng, 59), is_unseen=True)
    some = draw(rng, 5)
    other = SeenFilms(10 * some.features, some.images // 2 * 2)
    darker = SeenFilms(some.features, some.images // 2)
    np.testing.assert_allclose(films.measure(other), films.measure(darker), rtol=1e-5)


def test_the_distance_is_what_a_projection_leaves() -> None:
    films = TypicalFilms(
        mean=np.zeros(3, "float32"),
        directions=np.array([[1, 0, 0]], "float32"),
        distances=np.array([0.1, 0.2, 0.2], "float32"),
        is_unseen=True,
    )
    images = np.zeros((3, 16, 16), "uint8")
    measured = films.measure(SeenFilms(np.array([[5, 0, 0], [3, 4, 0], [0, 0, 0]]), images))
    np.testing.assert_allclose(measured, [0, 0.8, 0])
    of_those = np.array([0.05, np.float32(0.2), 0.3])
    np.testing.assert_array_equal(films.p_values(of_those), [1, 0.75, 0.25])


def test_distance_and_difference_are_added_in_their_spreads() -> None:
    rng = np.random.default_rng(3)
    films, others = draw(rng, 150), draw(rng, 40)
    kept = fit_typical_films(films, others, is_unseen=True)
    assert kept.appearance is not None
    shape = films.images.reshape(150, -1).astype(float)
    shape = (shape - shape.mean(1, keepdims=True)) / shape.std(1, keepdims=True)
    mean_film = shape.mean(0)
    wanted = [1 - np.corrcoef(mean_film, image.ravel())[0, 1] for image in others.images]
    differences = measure_differences(kept.appearance.mean_film, others.images)
    np.testing.assert_allclose(differences, wanted, atol=1e-6)
    distances = replace(kept, appearance=None).measure(others)
    np.testing.assert_array_equal(kept.distances, np.sort(distances).astype("float32"))
    by = kept.appearance.spreads
    measured = kept.measure(others)
    np.testing.assert_allclose(measured, distances / by[0] + differences / by[1], rtol=1e-6)
    # Those that it was calibrated on take the places 1 to M of M + 1, each one once.
    np.testing.assert_allclose(np.sort(kept.p_values(measured)), np.arange(2, 42) / 41)


def test_of_few_films_no_mean_is_kept() -> None:
    rng = np.random.default_rng(4)
    others = draw(rng, 30)
    few, enough = (
        fit_typical_films(draw(rng, num), others, is_unseen=True)
        for num in (LEAST_FILMS - 1, LEAST_FILMS)
    )
    assert (few.appearance is None, enough.appearance is None) == (True, False)


def test_films_of_training_that_all_look_alike_make_any_other_unlike() -> None:
    rng = np.random.default_rng(5)
    films, others = draw(rng, 120), draw(rng, 40)
    alike = (np.repeat(films.images[:1], len(part.images), axis=0) for part in (films, others))
    kept = fit_typical_films(
        *(SeenFilms(p.features, images) for p, images in zip((films, others), alike, strict=True)),
        is_unseen=True,
    )
    assert mark(kept, others.features[:9], others.images[:9]).all()
