"""The floor under scores: columns that are known, models of other patients, what the image adds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from judging.drawn_predictions import draw_predictions

from xlite.errors import InputError
from xlite.judging.evaluation import Resampling
from xlite.judging.floor_columns import drop_mute, find_roles, read_floor_columns
from xlite.judging.shortcut_floor import FloorQuestion, FloorRows, judge_floor, judge_within_view
from xlite.scores.ranking import ranking_scores
from xlite.scores.table_model import fit_table_model
from xlite.tables.csv_table import frame_as_csv
from xlite.tables.label_table import read_manifest
from xlite.tables.table_format import TableFormat
from xlite.workflows.evaluate import evaluate

RESAMPLING = Resampling(num_resamples=200)
NIH_HEADER = (
    *("Image Index", "Finding Labels", "Follow-up #", "Patient ID", "Patient Age"),
    *("Patient Gender", "View Position", "OriginalImage[Width", "Height]"),
    *("OriginalImagePixelSpacing[x", "y]"),
)


def draw_views(targets: np.ndarray, *, seed: int, tells: float) -> np.ndarray:
    """A view for each image: AP the more often where the first label is present."""
    rng = np.random.default_rng(seed)
    is_ap = rng.random(len(targets)) < 0.4 + tells * (targets[:, 0] == 1)
    return np.where(is_ap, "AP", "PA").astype(object)


def ask(columns: dict[str, np.ndarray], fitted: FloorRows | None = None) -> FloorQuestion:
    return FloorQuestion(columns=columns, left_out={}, fitted=fitted)


def test_nih_s_columns_are_known_by_their_names() -> None:
    assert find_roles(NIH_HEADER) == {
        "age": "Patient Age",
        "sex": "Patient Gender",
        "view": "View Position",
        "visit": "Follow-up #",
        "width": "OriginalImage[Width",
        "height": "Height]",
    }


def test_a_column_that_tells_a_label_is_a_floor_for_that_label_alone() -> None:
    labelled = draw_predictions(1, num_images=1200)
    views = draw_views(labelled.targets, seed=2, tells=0.4)
    found = judge_floor(labelled, ask({"view": views}), RESAMPLING)
    assert found is not None
    assert found.columns == ("view",)
    # A binary column that is AP in 80 and 40 % has an AUROC of 0.7.
    assert found.per_class["Mass"].auroc == pytest.approx(0.7, abs=0.04)
    assert found.per_class["Edema"].auroc_low < 0.5 < found.per_class["Edema"].auroc_high
    assert found.macro.is_shown
    assert found.by_column["view"].auroc == pytest.approx(found.macro.auroc, abs=0.02)


def test_a_column_of_chance_has_no_floor_and_an_image_of_chance_adds_nothing() -> None:
    added, floors = [], []
    for seed in range(20):
        labelled = draw_predictions(seed, num_images=500)
        rng = np.random.default_rng(1000 + seed)
        chance = labelled.select(np.arange(500))
        object.__setattr__(chance, "probs", rng.random(labelled.probs.shape))
        columns = {
            "age": rng.normal(50, 10, 500),
            "view": draw_views(labelled.targets, seed=5000 + seed, tells=0.3),
        }
        found = judge_floor(chance, ask(columns), RESAMPLING)
        assert found is not None
        floors.append(found.by_column["age"].auroc)
        added.append(found.macro.adds)
    # Pooled over folds a floor of chance is no less than one half, and what is added not above 0.
    assert np.mean(floors) == pytest.approx(0.5, abs=0.015)
    assert abs(np.mean(added)) < 0.01


def test_a_floor_of_other_patients_is_fitted_on_them() -> None:
    labelled = draw_predictions(3, num_images=400)
    others = draw_predictions(4, num_images=400, prefix="o")
    reverse = draw_views(1 - others.targets, seed=5, tells=0.4)
    rows = FloorRows(columns={"view": reverse}, targets=others.targets, what="400 images")
    columns = {"view": draw_views(labelled.targets, seed=6, tells=0.4)}
    found = judge_floor(labelled, ask(columns, rows), RESAMPLING)
    assert found is not None
    assert found.per_class["Mass"].auroc < 0.4
    assert found.fitted_on == "400 images"


def test_a_model_that_knows_the_view_alone_has_nothing_within_views() -> None:
    labelled = draw_predictions(7, num_images=1000)
    views = draw_views(labelled.targets, seed=8, tells=0.5)
    noise = np.random.default_rng(9).random(labelled.probs.shape) / 10
    object.__setattr__(labelled, "probs", np.where(views == "AP", 0.8, 0.1)[:, None] + noise)
    found = judge_within_view(labelled, views, RESAMPLING)
    assert found is not None
    mass = found.per_class["Mass"]
    assert mass.auroc_low < 0.5 < mass.auroc_high
    assert set(found.views) == {"AP", "PA"}
    assert judge_within_view(labelled, np.full(1000, "PA", dtype=object), RESAMPLING) is None


def test_ids_constants_and_labels_take_no_part() -> None:
    ids = np.array([f"p{k // 2}" for k in range(80)], dtype=object)
    table = frame_as_csv(
        pd.DataFrame(
            {
                "Image Index": [f"{k}.png" for k in range(80)],
                "Patient ID": ids,
                "Accession": [f"acc{k // 2}" for k in range(80)],
                "site": "A",
                "Mass": 1,
            }
        )
    )
    names = np.array([f"{k}.png" for k in range(80)], dtype=object)
    forbidden = ("Image Index", "Patient ID", "Mass")

    def read(*wanted: str) -> dict[str, np.ndarray]:
        return read_floor_columns(
            names, {}, table, image_column="Image Index", wanted=wanted, forbidden=forbidden
        )

    assert drop_mute(read(), ids) == ({}, {"site": "the same for every image"})
    for name in ("Patient ID", "Mass"):
        with pytest.raises(InputError, match="names images or patients, or holds a label"):
            read(name)
    with pytest.raises(InputError, match="no such column"):
        read("Weight")
    with pytest.raises(InputError, match="a value of its own"):
        drop_mute(read("Accession"), ids)


def test_a_column_that_equals_a_label_is_said(tmp_path: Path) -> None:
    labelled = draw_predictions(11, num_images=300)
    frame = pd.DataFrame(
        {"image_id": labelled.image_ids, "who": labelled.patient_ids}
        | {name: labelled.targets[:, c] for c, name in enumerate(labelled.vocabulary)}
        | {"ward": np.where(labelled.targets[:, 1] == 1, "east", "west")}
    )
    probs = pd.DataFrame(
        {"image_id": labelled.image_ids}
        | {name: labelled.probs[:, c] for c, name in enumerate(labelled.vocabulary)}
    ).rename(columns={name: f"prob_{name}" for name in labelled.vocabulary})
    layout = TableFormat(image_col="image_id", label_cols=labelled.vocabulary, patient_col="who")
    tables = {"predictions": probs, "labels": frame, "table_format": layout, "resamples": 100}
    found = evaluate(**tables, floor_columns=["ward"])
    assert found.shortcut_floor is not None
    assert found.shortcut_floor.equals == {"ward": "Edema"}
    assert found.asked.floor == "ward"
    assert evaluate(**tables).shortcut_floor is None
    assert evaluate(**tables, floor=False).asked.floor == "none"


def test_the_floor_of_nih_s_table_on_patients_held_out() -> None:
    xrv = pytest.importorskip("torchxrayvision")
    path = Path(xrv.__file__).parent / "data" / "Data_Entry_2017_v2020.csv.gz"
    manifest = read_manifest(path)
    rng = np.random.default_rng(0)
    patients, codes = np.unique(manifest.patient_ids, return_inverse=True)
    images = np.bincount(codes)
    chosen = rng.choice(len(patients), 2797, replace=False, p=images / images.sum())
    is_test = np.isin(codes, chosen)
    known = {name: manifest.table[name].to_numpy() for name in ("view", "age", "sex")}
    columns = read_floor_columns(
        manifest.image_ids,
        known,
        frame_as_csv(pd.read_csv(path, dtype=str)),
        image_column="Image Index",
    )
    macros = []
    for names in (("view",), ("view", "age", "sex"), ("view", "age", "sex", "visit")):
        model = fit_table_model([columns[n][~is_test] for n in names], manifest.labels[~is_test])
        scores = model.score([columns[n][is_test] for n in names])
        macros.append(ranking_scores(manifest.labels[is_test], scores)[0].mean())
    # scikit-learn's boosted trees came to within 0.003 of the first two and to 0.616 of the third.
    assert np.round(macros, 3) == pytest.approx([0.568, 0.588, 0.621], abs=0.002)


def test_a_question_that_was_asked_before_has_the_same_answer() -> None:
    one, other = draw_predictions(1, num_images=400), draw_predictions(2, num_images=400)
    better = one.select(np.arange(400))
    object.__setattr__(better, "probs", np.clip(one.probs + 0.2 * one.targets, 0, 1))
    columns = {"view": draw_views(one.targets, seed=2, tells=0.2)}
    asked = ask(columns)
    # The third is of other labels, of which nothing is known.
    for labelled in (one, better, other, one):
        assert judge_floor(labelled, asked, RESAMPLING) == judge_floor(
            labelled, ask(columns), RESAMPLING
        )
    assert asked.known[0].is_of(one)
