"""`explain` as a function and a command: what is written, and what is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest

from xlite.errors import InputError
from xlite.explaining.explanation_folder import read_explanation
from xlite.results.explanation import Explanation
from xlite.run_folder import RunFolder, read_run
from xlite.settings import LossSettings, Runtime, TrainSettings
from xlite.tables.table_format import TableFormat
from xlite.workflows.explain import explain
from xlite.workflows.train import train

CPU = Runtime(device="cpu", num_workers=0)
SHOWN = ("Infiltration", "Effusion", "Mass")


@pytest.fixture(scope="module")
def run(project: Any, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    settings = TrainSettings(
        model="test_resnet",
        initial_weights="none",
        loss=LossSettings(name="bce"),
        batch_size=16,
        lr=1e-3,
        epochs=1,
    )
    (outcome,) = train(
        settings,
        seeds=[3],
        split=project.split,
        cache=project.cache,
        out=tmp_path_factory.mktemp("explaining"),
        runtime=CPU,
    )
    return read_run(outcome.run_dir)


@pytest.fixture(scope="module")
def boxes(project: Any) -> Path:
    return project.table.parent / "BBox_List_2017.csv"


def explain_some(run: RunFolder, project: Any, out: Path, **options: Any) -> Explanation:
    """An explanation of the project's films; of its boxes where the options say so."""
    given = {"labels": project.table, "runtime": CPU, "out": out} | options
    return explain(run.path, given.pop("images", project.images), **given)


@pytest.fixture(scope="module")
def explained(
    run: RunFolder, project: Any, boxes: Path, tmp_path_factory: pytest.TempPathFactory
) -> Explanation:
    out = tmp_path_factory.mktemp("explained") / "it"
    return explain_some(run, project, out, boxes=boxes, only=SHOWN, maps=True)


def test_the_record_says_what_was_found(explained: Explanation, boxes: Path) -> None:
    folder = Path(str(explained.path))
    read = read_explanation(folder)
    assert read.to_json() == {k: v for k, v in explained.to_json().items() if k != "path"}
    listed = pd.read_csv(boxes)["Finding Label"].replace("Infiltrate", "Infiltration")
    listed = listed[listed.isin(SHOWN)]
    assert read.overall is not None
    assert read.overall.boxes == len(listed)
    assert sum(one.boxes for one in read.per_class.values()) == len(listed)
    assert read.per_class["Infiltration"].boxes == (listed == "Infiltration").sum()
    for measure in (read.overall.pointing, read.overall.energy, read.overall.iou):
        assert 0 <= measure.low <= measure.value <= measure.high <= 1
        assert measure.centre.gain == pytest.approx(measure.value - measure.centre.value)
    assert any("those it was trained on" in note for note in read.notes)
    assert any("2 x 2 cells" in note for note in read.notes)
    assert read.randomisation.stages


def test_pictures_show_films_of_each_kind(explained: Explanation) -> None:
    folder = Path(str(explained.path))
    kinds = set()
    for picture in explained.gallery:
        pixels = cv2.imread(str(folder / picture.file))
        assert pixels.std() > 20, "it is not empty"
        kinds |= {film.kind for film in picture.films}
        for film in picture.films:
            assert bool(film.boxes) == (film.iou is not None)
            is_called = film.prob >= picture.threshold
            assert is_called == (film.kind in ("true", "false"))
    assert kinds == {"true", "missed", "false"}


def test_maps_are_of_the_film_s_size(explained: Explanation, project: Any) -> None:
    maps = sorted((Path(str(explained.path)) / "maps").iterdir())
    assert len(maps) == explained.maps
    film = cv2.imread(str(next(project.images.iterdir())), cv2.IMREAD_UNCHANGED)
    tallest = [cv2.imread(str(one), cv2.IMREAD_UNCHANGED) for one in maps[:20]]
    assert {one.shape for one in tallest} == {film.shape}
    assert max(one.max() for one in tallest) == 255


def test_films_alone_have_maps_of_what_is_called(
    run: RunFolder, project: Any, tmp_path: Path
) -> None:
    some = sorted(project.images.iterdir())[:5]
    found = explain_some(run, project, tmp_path / "out", labels=None, images=some, only=SHOWN)
    assert (found.films, found.overall) == (5, None)
    assert {film.kind for picture in found.gallery for film in picture.films} == {"called"}
    of_folder = explain_some(
        run, project, tmp_path / "other", labels=None, images=project.images, only=["Edema"]
    )
    assert {picture.label for picture in of_folder.gallery} <= {"Edema"}


def test_the_command_prints_scores_beside_the_baselines(
    run: RunFolder, project: Any, boxes: Path, tmp_path: Path, xlite_ok: Any
) -> None:
    arguments = ("explain", run.path, "--images", project.images, "--labels", project.table)
    given = (*arguments, "--boxes", boxes, "--only", "Effusion,Mass", "--workers", 0)
    printed = xlite_ok(*given, "--out", tmp_path / "a", "--method", "layercam").output
    for text in ("pointing", "energy", "IoU", "over the centre", "mean box", "new weights"):
        assert text in printed
    as_json = json.loads(xlite_ok(*given, "--out", tmp_path / "b", "--json").stdout)
    assert {*as_json["per_class"]} == {"Effusion", "Mass"}
    assert as_json["path"] == str(tmp_path / "b")


def refuse(message: str, run: RunFolder, project: Any, tmp_path: Path, **options: Any) -> None:
    out = options.pop("out", tmp_path / "refused")
    with pytest.raises(InputError, match=message):
        explain_some(run, project, out, **options)
    assert not (tmp_path / "refused").exists()


def write_boxes(tmp_path: Path, *rows: str) -> Path:
    path = tmp_path / "boxes.csv"
    path.write_text("\n".join(["image_id,label,x,y,width,height", *rows, ""]))
    return path


def test_boxes_that_can_t_be_judged_are_refused_or_counted(
    run: RunFolder, project: Any, tmp_path: Path
) -> None:
    film = sorted(project.images.iterdir())[0].name

    def say(*rows: str) -> dict[str, Any]:
        return {"boxes": write_boxes(tmp_path, *rows)}

    inside, beyond = f"{film},Mass,10,10,20,20", f"{film},Mass,80,10,40,20"
    refuse("1 of 1 boxes lie beyond.*96 x 96", run, project, tmp_path, **say(beyond))
    refuse(
        "none of the 1 boxes is of these films", run, project, tmp_path, **say("z.png,Mass,1,1,2,2")
    )
    refuse("of Mars, which the run", run, project, tmp_path, **say(f"{film},Mars,1,1,2,2"))
    refuse("has a header and no rows", run, project, tmp_path, **say())
    refuse("no label 'Maas'.*Mass", run, project, tmp_path, only=["Maas"])
    refuse("no method is called 'gradcan'", run, project, tmp_path, method="gradcan")
    found = explain_some(
        run,
        project,
        tmp_path / "out",
        **say(inside, "z.png,Mass,1,1,2,2", f"{film},Mars,1,1,2,2"),
        only=["Mass"],
    )
    assert found.boxes_left_out == {
        "of films that are not among these": 1,
    }
    assert found.overall is not None
    assert (found.overall.films, found.overall.patients) == (1, 1)
    assert np.isnan(found.overall.pointing.low)


def test_runs_and_films_that_can_t_serve_are_refused(
    run: RunFolder, project: Any, tmp_path: Path
) -> None:
    older = tmp_path / "older"
    shutil.copytree(run.path, older)
    config, scores = (
        json.loads((older / name).read_text()) for name in ("config.json", "scores.json")
    )
    del config["preprocessing"], scores["files"]["config.json"]
    (older / "config.json").write_text(json.dumps(config))
    (older / "scores.json").write_text(json.dumps(scores))
    aside = {"cache": tmp_path / "no cache"}
    refuse("version 0.1.*--cache DIR", RunFolder(older), project, tmp_path, **aside)
    refuse("is no run folder", RunFolder(tmp_path), project, tmp_path)
    empty = tmp_path / "empty"
    empty.mkdir()
    refuse("no film below", run, project, tmp_path, images=empty, labels=None)
    (empty / "film.png").touch()
    refuse("none of the 1 films.*film.png", run, project, tmp_path, images=empty, labels=None)
    refuse("does not exist", run, project, tmp_path, images=empty / "z.png", labels=None)


@pytest.fixture
def some(project: Any, boxes: Path, tmp_path: Path) -> Path:
    """Four films with boxes of `SHOWN`, and two without."""
    listed = pd.read_csv(boxes)
    shown = listed["Finding Label"].replace("Infiltrate", "Infiltration").isin(SHOWN)
    boxed = sorted({*listed["Image Index"][shown]})[:4]
    plain = [name.name for name in sorted(project.images.iterdir()) if name.name not in boxed][:2]
    (tmp_path / "some").mkdir()
    for name in (*boxed, *plain):
        shutil.copy(project.images / name, tmp_path / "some" / name)
    return tmp_path / "some"


def cut(film: Path) -> None:
    film.write_bytes(film.read_bytes()[:-40])


def test_damaged_films_are_named_and_left_out(
    run: RunFolder, project: Any, boxes: Path, some: Path, tmp_path: Path, xlite: Any
) -> None:
    table = pd.read_csv(project.table)
    listed = pd.read_csv(boxes)
    table = table[table["Image Index"].isin([path.name for path in some.iterdir()])]
    whole = {"images": some, "boxes": boxes, "only": SHOWN}
    broken = sorted({*listed["Image Index"]} & {path.name for path in some.iterdir()})[1]
    without = explain_some(
        run,
        project,
        tmp_path / "without",
        labels=table[table["Image Index"] != broken],
        **whole | {"boxes": listed[listed["Image Index"] != broken]},
    )
    cut(some / broken)
    table.to_csv(tmp_path / "some.csv", index=False)
    found = explain_some(run, project, tmp_path / "with", labels=tmp_path / "some.csv", **whole)
    assert found.failed is not None
    assert [one.image for one in found.failed] == [broken]
    assert "truncated" in found.failed[0].reason
    assert found.films == 5
    assert found.boxes_left_out["of films that could not be read"] > 0
    # All else is as if it had never been there.
    aside = {"failed", "boxes_left_out", "name", "path"}
    one, other = (
        {k: v for k, v in e.to_json().items() if k not in aside} for e in (found, without)
    )
    assert one == other
    assert "failed" not in without.to_json()

    given = ("explain", run.path, "--images", some, "--labels", tmp_path / "some.csv")
    result = xlite(*given, "--device", "cpu", "--out", tmp_path / "cli")
    assert result.exit_code == 1
    assert f"1 of 6 films could not be read, and are not explained: {broken}" in result.output
    assert read_explanation(tmp_path / "cli").failed == found.failed
    again = (*given, "--device", "cpu", "--out", tmp_path / "cli", "--overwrite", "--allow-failed")
    assert xlite(*again).exit_code == 0


def test_a_box_is_left_out_with_its_film_and_none_left_is_refused(
    run: RunFolder, project: Any, some: Path, tmp_path: Path
) -> None:
    first, last = (sorted(some.iterdir())[at].name for at in (0, -1))
    given = {"images": some, "labels": None, "only": ["Mass"]}
    (some / first).write_bytes(b"no film")
    boxes = write_boxes(tmp_path, f"{first},Mass,1,1,2,2", f"{last},Mass,1,1,2,2")
    found = explain_some(run, project, tmp_path / "out", boxes=boxes, **given)
    assert found.boxes_left_out == {"of films that could not be read": 1}
    assert found.overall is not None
    assert found.overall.films == 1
    cut(some / last)  # Its header still says how large it is.
    refuse("none of the films with the 1 boxes", run, project, tmp_path, boxes=boxes, **given)


def test_a_label_map_is_that_of_the_boxes_too(
    run: RunFolder, project: Any, some: Path, tmp_path: Path
) -> None:
    film, other = (path.name for path in sorted(some.iterdir())[:2])
    map_file = tmp_path / "ours.toml"
    map_file.write_text('[labels]\nMass = {exact = "Tumour"}\nNodule = {broader = ["Tumour"]}\n')
    table = tmp_path / "table.csv"
    table.write_text(f"image,patient,Tumour\n{film},1,1\n{other},2,0\n")
    boxes = write_boxes(tmp_path, f"{film},tumour,1,1,20,20", f"{other},Effusion,1,1,20,20")
    layout = TableFormat(
        image_col="image", patient_col="patient", label_cols=("Tumour",), label_map=str(map_file)
    )
    given = {"images": some, "boxes": boxes}
    found = explain_some(run, project, tmp_path / "out", labels=table, table_format=layout, **given)
    assert {*found.per_class} == {"Mass", "Nodule", "Effusion"}
    assert found.boxes_left_out == {}
    alone = TableFormat(label_map=str(map_file))
    found = explain_some(run, project, tmp_path / "alone", labels=None, table_format=alone, **given)
    assert {*found.per_class} == {"Mass", "Nodule", "Effusion"}
    plain = explain_some(run, project, tmp_path / "plain", labels=None, **given)
    assert {*plain.per_class} == {"Effusion"}
    assert plain.boxes_left_out == {"of tumour, which the run does not know": 1}


def test_nobody_s_files_are_replaced(
    run: RunFolder, project: Any, explained: Explanation, tmp_path: Path
) -> None:
    folder = Path(str(explained.path))
    before = (folder / "localisation.json").read_bytes()
    refuse("holds an explanation already", run, project, tmp_path, out=folder)
    assert (folder / "localisation.json").read_bytes() == before
    refuse("is a run's folder", run, project, tmp_path, out=run.path)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "gallery_x.png").touch()
    refuse("nothing says that it belongs", run, project, tmp_path, out=tmp_path / "mine")
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    again = explain_some(run, project, copy, only=["Mass"], overwrite=True)
    pictures = {path.name for path in copy.glob("gallery_*")}
    assert pictures == {picture.file for picture in again.gallery} == {"gallery_Mass.png"}
    assert not list((copy / "maps").iterdir())


def test_the_eight_real_boxes(run: RunFolder, nih_sample: Path, tmp_path: Path) -> None:
    boxes = pd.read_csv(nih_sample / "BBox_List_2017.csv")
    table = pd.read_csv(nih_sample / "Data_Entry_2017.csv")
    rows = table["Image Index"].isin(boxes["Image Index"])
    found = explain(
        run.path,
        nih_sample / "images",
        labels=table[rows],
        boxes=nih_sample / "BBox_List_2017.csv",
        only=sorted(set(boxes["Finding Label"].replace("Infiltrate", "Infiltration"))),
        runtime=CPU,
        out=tmp_path / "out",
    )
    assert found.overall is not None
    assert (found.overall.films, found.overall.patients, found.overall.boxes) == (8, 8, 8)
    assert found.overall.pointing.mean_box.high <= 1
    assert not np.isnan(found.overall.iou.value), "thresholds come from the other seven"
