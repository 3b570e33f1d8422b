"""Marks on the border that go with a label are found; letters that tell the view are not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest

from xlite.scores.border_marks import find_marks, measure_contrast
from xlite.synthetic.generate import generate_synthetic

NUM_FILMS, SIDE = 240, 128


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("films")
    generate_synthetic(folder, num_images=NUM_FILMS, image_size=SIDE, min_positives=20)
    return folder


def read_films(project: Path) -> tuple[pd.DataFrame, np.ndarray]:
    table = pd.read_csv(project / "Data_Entry_2017.csv", dtype=str)
    paths = [project / "images" / name for name in table["Image Index"]]
    return table, np.stack([cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) for path in paths])


def mark(film: np.ndarray) -> None:
    film[5:13, 100:103] = 250
    film[11:13, 100:107] = 250


def test_a_mark_on_three_tenths_of_positives_is_found_and_one_of_the_view_is_not(
    project: Path,
) -> None:
    _, films = read_films(project)
    rng = np.random.default_rng(0)
    targets = (rng.random((NUM_FILMS, 3)) < 0.25).astype(np.int8)
    is_ap = rng.random(NUM_FILMS) < 0.4 + 0.4 * targets[:, 1]
    views = np.repeat(is_ap[:, None].astype(float), 3, axis=1)
    nothing = np.zeros(targets.shape)
    plain = np.stack([measure_contrast(film) for film in films])
    assert not find_marks(plain, targets, nothing)
    carries = (targets[:, 0] == 1) & (rng.random(NUM_FILMS) < 0.3)
    for chosen, scores, found in (
        (carries, nothing, [0]),
        (is_ap, nothing, [1]),
        (is_ap, views, []),
    ):
        contrast = plain.copy()
        for row in np.flatnonzero(chosen):
            marked = films[row].copy()
            mark(marked)
            contrast[row] = measure_contrast(marked)
        assert [one.column for one in find_marks(contrast, targets, scores)] == found


def test_the_command_names_label_and_place(xlite: Any, project: Path, tmp_path: Path) -> None:
    table, films = read_films(project)
    labels = ("Effusion", "Mass")
    is_positive = table["Finding Labels"].str.contains("Effusion").to_numpy()
    patients = table["Patient ID"].to_numpy()
    carries = is_positive & (np.random.default_rng(1).random(NUM_FILMS) < 0.6)
    (tmp_path / "images").mkdir()
    for name, film, carried in zip(table["Image Index"], films, carries, strict=True):
        if carried:
            mark(film)
        cv2.imwrite(str(tmp_path / "images" / name), film)
    rng = np.random.default_rng(2)
    predictions = tmp_path / "predictions.csv"
    pd.DataFrame(
        {"image": table["Image Index"]} | {f"prob_{n}": rng.random(NUM_FILMS) for n in labels}
    ).to_csv(predictions, index=False)
    arguments = (
        *("evaluate", "--predictions", predictions, "--labels", project / "Data_Entry_2017.csv"),
        *("--allow-partial", "--resamples", 100, "--json", "--probe-borders"),
    )
    done = xlite(*arguments, "--images", tmp_path / "images")
    assert done.exit_code == 0, done.output
    probe = json.loads(done.stdout)["border_probe"]
    assert probe["films"] == len(np.unique(patients))
    [one] = probe["flagged"]
    assert one["label"] == "Effusion"
    assert "upper" in one["place"]
    clean = xlite(*arguments, "--images", project / "images")
    assert json.loads(clean.stdout)["border_probe"]["flagged"] == []
    refused = xlite(*arguments[:-1], "--images", project / "images")
    assert refused.exit_code == 2
