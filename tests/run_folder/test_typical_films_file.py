from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from xlite.errors import InputError
from xlite.run_folder.typical_films_file import read_typical_films, write_typical_films
from xlite.scores.typical_films import fit_typical_films


def test_what_is_kept_of_films_survives_its_file(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    drawn = rng.normal(size=(60, 40)).astype("float32")
    films = fit_typical_films(drawn[:40], drawn[40:], is_unseen=False)
    path = tmp_path / "films.safetensors"
    write_typical_films(path, films)
    again = read_typical_films(path, remedy="")
    assert not again.is_unseen
    np.testing.assert_array_equal(again.measure(drawn), films.measure(drawn))
    assert path.read_bytes() == (write_typical_films(path, again), path.read_bytes())[1]


@pytest.mark.parametrize(
    "change",
    [
        {"mean": np.zeros(3, "float32")},
        {"directions": np.full((2, 40), np.nan, "float32")},
        {"distances": np.zeros((2, 2), "float32")},
        {"mean": np.zeros(40, "float64")},
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
    save_file(tensors | change, path, {"xlite": "of the validation part"})
    with pytest.raises(InputError, match="does not hold what a run keeps of its films. Do this"):
        read_typical_films(path, remedy="Do this.")
    path.write_bytes(b"no tensors")
    with pytest.raises(InputError, match=r"no whole \.safetensors"):
        read_typical_films(path, remedy="")
