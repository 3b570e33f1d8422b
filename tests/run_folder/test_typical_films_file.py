from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from xlite.errors import InputError
from xlite.run_folder.typical_films_file import read_typical_films, write_typical_films
from xlite.scores.typical_films import SeenFilms, fit_typical_films

APPEARANCE = {
    "mean_film": np.zeros((16, 16), "float32"),
    "differences": np.zeros(5, "float32"),
    "spreads": np.ones(2, "float32"),
}


def draw(num: int) -> SeenFilms:
    rng = np.random.default_rng(num)
    images = rng.integers(0, 256, (num, 20, 20), dtype="uint8")
    return SeenFilms(rng.normal(size=(num, 40)).astype("float32"), images)


@pytest.mark.parametrize("num", [40, 120])
def test_what_is_kept_of_films_survives_its_file(tmp_path: Path, num: int) -> None:
    films = fit_typical_films(draw(num), draw(20), is_unseen=False)
    path = tmp_path / "films.safetensors"
    write_typical_films(path, films)
    again = read_typical_films(path, remedy="")
    assert not again.is_unseen
    assert (again.appearance is None) == (num == 40)
    some = draw(9)
    measured = films.measure(some)
    np.testing.assert_array_equal(again.measure(some), measured)
    np.testing.assert_array_equal(again.p_values(measured), films.p_values(measured))
    assert path.read_bytes() == (write_typical_films(path, again), path.read_bytes())[1]


def test_a_file_of_an_earlier_version_tells_by_its_distances_alone(tmp_path: Path) -> None:
    films = fit_typical_films(draw(120), draw(20), is_unseen=True)
    path = tmp_path / "films.safetensors"
    tensors = {name: getattr(films, name) for name in ("mean", "directions", "distances")}
    save_file(tensors, path, {"xlite": "of the validation part"})
    older = read_typical_films(path, remedy="")
    assert older.appearance is None
    some = draw(9)
    others = SeenFilms(some.features, 255 - some.images)
    np.testing.assert_array_equal(older.measure(some), older.measure(others))
    np.testing.assert_array_equal(
        older.p_values(older.measure(draw(20))),
        (20 - np.argsort(np.argsort(older.measure(draw(20)))) + 1) / 21,
    )


@pytest.mark.parametrize(
    "change",
    [
        {"mean": np.zeros(3, "float32")},
        {"directions": np.full((2, 40), np.nan, "float32")},
        {"distances": np.zeros((2, 2), "float32")},
        {"mean": np.zeros(40, "float64")},
        {"spreads": np.ones(2, "float32")},
        APPEARANCE | {"spreads": np.zeros(2, "float32")},
        APPEARANCE | {"differences": np.zeros(4, "float32")},
        APPEARANCE | {"mean_film": np.zeros((20, 20), "float32")},
    ],
)
def test_other_tensors_are_refused(tmp_path: Path, change: dict[str, np.ndarray]) -> None:
    tensors = {
        "mean": np.zeros(40, "float32"),
        "directions": np.zeros((2, 40), "float32"),
        "distances": np.zeros(5, "float32"),
    }
    path = tmp_path / "films.safetensors"
    save_file(tensors, path, {"xlite": "of the validation part"})
    assert read_typical_films(path, remedy="").is_unseen
    save_file(tensors | APPEARANCE, path, {"xlite": "of the validation part"})
    assert read_typical_films(path, remedy="").appearance is not None
    save_file(tensors | change, path, {"xlite": "of the validation part"})
    with pytest.raises(InputError, match="does not hold what a run keeps of its films. Do this"):
        read_typical_films(path, remedy="Do this.")
    path.write_bytes(b"no tensors")
    with pytest.raises(InputError, match=r"no whole \.safetensors"):
        read_typical_films(path, remedy="")
