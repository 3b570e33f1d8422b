"""The same film under two names is found whatever was done to it, and no two films are one."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest
from splitting.near_duplicates.altered_films import ALTERATIONS, Film, alter

from xlite.errors import InputError, LeakageError
from xlite.labels import NIH_LABELS
from xlite.results.split import SplitAudit
from xlite.splitting.audit import audit_split
from xlite.splitting.leakage import require_no_leakage
from xlite.splitting.near_duplicates.film import SIDE, describe_film, shrink_film
from xlite.splitting.near_duplicates.index import FilmIndex
from xlite.splitting.near_duplicates.search import search_films
from xlite.synthetic.radiograph import draw_radiograph

NUM_FILMS = 6


def draw_film(patient: int) -> Film:
    """A synthetic patient's film."""
    none = np.zeros(len(NIH_LABELS), np.int8)
    rng, other = np.random.default_rng(patient), np.random.default_rng(1000 + patient)
    return draw_radiograph(none, patient_rng=rng, image_rng=other, image_size=512)


@pytest.fixture(scope="session")
def films() -> dict[str, Film]:
    return {f"p{patient}.png": draw_film(patient) for patient in range(NUM_FILMS)}


def write(folder: Path, films: Mapping[str, Film]) -> None:
    folder.mkdir(exist_ok=True)
    for name, film in films.items():
        assert cv2.imwrite(str(folder / name), film)


def table(names: Sequence[str], first_patient: int) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "Image Index": list(names),
            "Finding Labels": "No Finding",
            "Patient ID": range(first_patient, first_patient + len(names)),
        }
    )


def audit(folder: Path, train: Sequence[str], test: Sequence[str]) -> SplitAudit:
    return audit_split({"train": table(train, 1), "test": table(test, 100)}, images=folder)


def test_each_alteration_of_synthetic_films_is_found_and_nothing_else(
    films: dict[str, Film], tmp_path: Path
) -> None:
    altered = {
        f"{name}_{patient}": alter(film, name, seed)
        for seed, (patient, film) in enumerate(films.items())
        for name in ALTERATIONS
    }
    write(tmp_path, {**films, **altered})
    found = audit(tmp_path, list(films), list(altered)).near_duplicates
    assert found is not None
    truth = {name: name.split("_")[1] for name in altered}
    assert [one for one in found if truth[one.second] != one.first] == []
    assert sorted(one.second for one in found) == sorted(altered)
    said = {one.second.split("_")[0]: one for one in found if one.first == "p0.png"}
    assert said["flip"].is_mirrored
    assert said["invert"].is_inverted
    assert 2 <= abs(said["rotation"].degrees) <= 5
    assert said["crop"].scale > 1.04
    assert {one.parts for one in found} == {"train|test"}


def test_each_alteration_of_real_films_is_found_and_nothing_else(nih_sample: Path) -> None:
    paths = sorted((nih_sample / "images").glob("*.png"))[:40]
    originals = {path.name: np.asarray(cv2.imread(str(path), 0)) for path in paths}
    shrunk = {name: shrink_film(film) for name, film in originals.items()}
    for seed, (name, film) in enumerate(list(originals.items())[:8]):
        for change in ALTERATIONS:
            shrunk[f"{change}|{name}"] = shrink_film(alter(film, change, seed))
    names = list(shrunk)
    found = search_films(names, shrunk.values(), lambda place: shrunk[names[place]])
    source = {name: name.rpartition("|")[2] for name in names}
    assert [one for one in found if source[one.first] != source[one.second]] == []
    of_originals = {one.second for one in found if "|" not in one.first}
    assert of_originals == {name for name in names if "|" in name}


def test_a_film_deeper_than_8_bits_is_the_same_film(films: dict[str, Film]) -> None:
    film = films["p0.png"]
    wide = film.astype(np.uint16) * 16 + 1000
    shrunk = [shrink_film(film), shrink_film(wide)]
    [pair] = search_films(["a", "b"], shrunk, lambda place: shrunk[place])
    assert pair.correlation > 0.9
    assert pair.describe_alteration() == "in place"


def test_what_was_not_looked_at_is_said(films: dict[str, Film], tmp_path: Path) -> None:
    write(tmp_path, {**films, "copy.png": films["p1.png"]})
    whole = (tmp_path / "p0.png").read_bytes()
    (tmp_path / "p0.png").write_bytes(whole[: len(whole) // 2])
    result = audit(tmp_path, ["p0.png", "p1.png", "copy.png"], ["p2.png", "gone.png"])
    assert result.near_duplicates == ()
    said = " ".join(result.warnings)
    assert "1 of 5 images were not looked at for near-duplicates: not below" in said
    assert "(first: gone.png)" in said
    assert "unreadable (first: p0.png: " in said
    assert "train: 1 pairs of its own images are one film each" in said
    require_no_leakage(result)


def test_one_name_in_two_parts_is_no_pair(films: dict[str, Film], tmp_path: Path) -> None:
    write(tmp_path, films)
    result = audit(tmp_path, ["p0.png", "p1.png"], ["p2.png", "p0.png"])
    assert result.image_overlap == {"train|test": 1}
    assert result.near_duplicates == ()


def test_a_folder_without_the_images_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="missing under"):
        audit(tmp_path, ["a.png"], ["b.png"])


def test_without_images_there_is_nothing_about_films() -> None:
    result = audit_split({"train": table(["a"], 1), "test": table(["b"], 2)})
    assert result.near_duplicates is None
    assert "near_duplicates" not in result.to_json()


def test_films_without_structure_are_no_pair() -> None:
    blank = np.full((SIDE, SIDE), 7, np.uint8)
    assert len(describe_film(blank).words) == 0
    assert search_films(["a", "b"], [blank, blank], lambda place: blank) == []
    assert list(FilmIndex([]).find_candidates()) == []


def test_the_command_names_the_pairs_and_fails(
    films: dict[str, Film], tmp_path: Path, xlite: Any
) -> None:
    write(tmp_path, {**films, "other.png": alter(films["p3.png"], "flip", 0)})
    for part, names, first in (
        ("train", list(films)[:4], 1),
        ("test", ["other.png", "p5.png"], 50),
    ):
        table(names, first).to_csv(tmp_path / f"{part}.csv", index=False)
    words = ["--audit", tmp_path / "train.csv", tmp_path / "test.csv", "--images", tmp_path]
    result = xlite("split", *words, "--json")
    assert result.exit_code == 1
    [pair] = json.loads(result.stdout)["near_duplicates"]
    assert (pair["first"], pair["second"], pair["parts"]) == ("p3.png", "other.png", "train|test")
    assert SplitAudit.from_json(json.loads(result.stdout)).near_duplicates is not None
    told = xlite("split", *words)
    assert "p3.png and other.png (train|test): mirrored" in told.stdout + told.stderr
    assert "1 films under two names in two parts" in told.stderr
    table(["p5.png"], 50).to_csv(tmp_path / "test.csv", index=False)
    clean = xlite("split", *words, "--json")
    assert (clean.exit_code, json.loads(clean.stdout)["near_duplicates"]) == (0, [])


def test_a_leak_of_films_raises(films: dict[str, Film], tmp_path: Path) -> None:
    write(tmp_path, {**films, "other.png": films["p3.png"]})
    result = audit(tmp_path, ["p3.png"], ["other.png"])
    with pytest.raises(LeakageError, match="1 films under two names"):
        require_no_leakage(result)
