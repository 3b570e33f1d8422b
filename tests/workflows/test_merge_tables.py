"""`xlite tables merge`: one table, one split, one cache of several data sets."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest

from xlite.splitting.split_folder import read_split
from xlite.tables.label_table import read_manifest
from xlite.tables.sources.chexpert import LABELS as CHEXPERT
from xlite.workflows.doctor import doctor


@pytest.fixture
def sets(tmp_path: Path) -> Path:
    """Two sites with the same patients' numbers and image names, and a list of them."""
    rng = np.random.default_rng(0)
    for site, labels in (("north", ("Edema", "Mass")), ("south", ("Edema", "Hernia"))):
        folder = tmp_path / site / "films"
        folder.mkdir(parents=True)
        table = pd.DataFrame(
            {
                "file": [f"{row:03}.png" for row in range(24)],
                "who": [row // 2 for row in range(24)],
                **{label: rng.integers(-1, 2, size=24) for label in labels},
            }
        )
        table.to_csv(tmp_path / site / "labels.csv", index=False)
        for name in table["file"]:
            film = rng.integers(0, 255, (48, 48), dtype=np.uint8)
            cv2.imwrite(str(folder / name), film)
    path = tmp_path / "sets.toml"
    path.write_text(
        "".join(
            f'[[table]]\nsource = "{site}"\nlabels = "{site}/labels.csv"\nimages = "{site}/films"\n'
            f'image-col = "file"\npatient-col = "who"\nlabel-cols = ["Edema", "{label}"]\n'
            for site, label in (("north", "Mass"), ("south", "Hernia"))
        )
    )
    return path


def test_a_source_may_have_several_files(sets: Path, tmp_path: Path, xlite_ok: Any) -> None:
    header = "Path,Sex,Age,Frontal/Lateral,AP/PA," + ",".join(CHEXPERT)
    for name in ("train", "valid"):
        path = f"CheXpert-v1.0/{name}/patient0000{len(name)}/study1/view1_frontal.jpg"
        (tmp_path / f"{name}.csv").write_text(f"{header}\n{path},Male,6,Frontal,AP{',1.0' * 14}\n")
    sets.write_text(
        sets.read_text() + '[[table]]\nsource = "stanford"\nlabels = ["train.csv", "valid.csv"]\n'
    )
    merged = xlite_ok("tables", "merge", sets, "--out", tmp_path / "merged.csv", "--json")
    made = json.loads(merged.stdout)
    assert made["sources"]["stanford"]["images"] == 2


def test_a_merged_table_goes_through_split_balance_and_cache_by_its_header(
    sets: Path, tmp_path: Path, xlite_ok: Any
) -> None:
    merged = tmp_path / "merged.csv"
    made = json.loads(xlite_ok("tables", "merge", sets, "--out", merged, "--json").stdout)
    assert (made["images"], made["patients"]) == (48, 24)
    assert made["sources"]["north"]["labels"]["Hernia"] == {
        "present": 0,
        "absent": 0,
        "unknown": 24,
    }
    said = xlite_ok("tables", "merge", sets, "--out", merged, "--overwrite").stderr
    assert "Mass is annotated by north alone" in said
    manifest = read_manifest(merged)
    assert manifest.vocabulary == ("Edema", "Mass", "Hernia")
    assert set(manifest.table["source"]) == {"north", "south"}

    split = tmp_path / "split"
    xlite_ok("split", "--labels", merged, "--out", split, "--stratify", "source")
    parts = read_split(split).parts
    shares = [(part.table["source"] == "north").mean() for part in parts.values()]
    assert max(shares) - min(shares) < 0.2
    held = tmp_path / "held"
    xlite_ok("split", "--labels", merged, "--out", held, "--hold-out", "source=south")
    assert set(read_split(held).parts["test"].table["source"]) == {"south"}
    assert set(read_split(held).parts["train"].table["source"]) == {"north"}
    xlite_ok("verify-balance", "--split", split, "--sampler", "inverse-mean")
    _judge_by_source(split, tmp_path, xlite_ok)

    cache = tmp_path / "cache"
    xlite_ok("cache-clahe", "--images", sets, "--split", split, "--out", cache, "--size", "32")
    index = pd.read_csv(cache / "index.csv")
    assert len(index) == 48
    sources = index.iloc[:, :].astype(str).agg(" ".join, axis=1)
    assert sources.str.contains("north/films").sum() == 24
    _sample_by_source(split, cache, tmp_path, xlite_ok)


def _sample_by_source(split: Path, cache: Path, folder: Path, xlite_ok: Any) -> None:
    """Shares of sources as proven, trained with, and judged by."""
    asked = ("--sampler", "none", "--source-shares", "south:0.8/north:0.2")
    told = xlite_ok("verify-balance", "--split", split, *asked, "--out", folder / "b").stdout
    assert "none by source" in told
    assert re.search(r"south\D+[\d.]+\D+80\.00", told)
    model = ("--model", "tf_efficientnet_lite0", "--no-pretrained", "--epochs", 1)
    runs = ("--split", split, "--cache", cache, "--out", folder / "runs")
    xlite_ok("train", *model, *asked, *runs, "--device", "cpu", "--workers", 0)
    (run,) = (folder / "runs" / "runs").iterdir()
    made = json.loads((run / "config.json").read_text())["preprocessing"]
    assert made["dicom"] == json.loads((cache / "cache.json").read_text())["dicom"]
    judged = ("evaluate", run, "--split", split, "--by", "source", "--json", "--resamples", 100)
    groups = json.loads(xlite_ok(*judged, "--out", folder / "judged").stdout)["subgroups"]
    assert {one["group"] for one in groups} == {"north", "south"}
    findings = doctor(run=run, split=split).findings
    (collapse,) = (f for f in findings if f.code == "XL015" and f.subject.startswith("run"))
    assert collapse.status == "passed"


def _judge_by_source(split: Path, folder: Path, xlite_ok: Any) -> None:
    """Scores by source from the split's own tables, by name and among the subgroups."""
    train = read_split(split).parts["train"]
    probs = np.random.default_rng(0).random(len(train))
    predictions = pd.DataFrame({"image_id": train.image_ids, "Edema": probs})
    predictions.to_csv(folder / "predictions.csv", index=False)
    test = folder / "as_test"
    test.mkdir()
    # The training part judged as a table of its own: the others are of a few films.
    (test / "table.csv").write_bytes((split / "train.csv").read_bytes())
    judged = ("evaluate", "--predictions", folder / "predictions.csv", "--allow-partial")
    asked = (
        "--labels",
        test / "table.csv",
        "--json",
        "--resamples",
        100,
        "--out",
        folder / "found",
    )
    for option in (("--by", "source"), ("--subgroups",)):
        found = json.loads(xlite_ok(*judged, *asked, *option, "--overwrite").stdout)["subgroups"]
        groups = {one["group"]: one["images"] for one in found if one["column"] == "source"}
        assert groups == dict(train.table["source"].value_counts())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("[[table]]", "[[tables]]"), "Did you mean table?"),
        (('source = "south"', 'source = "north"'), "two tables have the source 'north'"),
        (('labels = "south/labels.csv"', "labels = 3"), "labels is a text in quotes"),
        (('image-col = "file"', 'image-cols = "file"'), "Did you mean image_col"),
        (('labels = "south/labels.csv"', 'labels = "no.csv"'), "does not exist"),
        (('patient-col = "who"', 'patient-col = "who"\nblank = "no"'), "unknown, absent"),
    ],
)
def test_a_fault_of_the_list_is_named_and_nothing_is_written(
    sets: Path, tmp_path: Path, xlite: Any, change: tuple[str, str], message: str
) -> None:
    sets.write_text(sets.read_text().replace(*change))
    result = xlite("tables", "merge", sets, "--out", tmp_path / "merged.csv")
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())
    assert not (tmp_path / "merged.csv").exists()


def test_neither_a_source_nor_another_file_is_replaced(
    sets: Path, tmp_path: Path, xlite: Any
) -> None:
    table = tmp_path / "north" / "labels.csv"
    before = table.read_bytes()
    assert xlite("tables", "merge", sets, "--out", table, "--overwrite").exit_code == 2
    other = tmp_path / "notes.csv"
    other.write_text("mine\n")
    assert xlite("tables", "merge", sets, "--out", other).exit_code == 2
    assert (table.read_bytes(), other.read_text()) == (before, "mine\n")


def test_an_image_of_a_source_without_a_folder_is_said(
    sets: Path, tmp_path: Path, xlite_ok: Any, xlite: Any
) -> None:
    merged = tmp_path / "merged.csv"
    xlite_ok("tables", "merge", sets, "--out", merged)
    sets.write_text(sets.read_text().replace('images = "south/films"\n', ""))
    out = tmp_path / "cache"
    result = xlite("cache-clahe", "--labels", merged, "--images", sets, "--out", out)
    assert result.exit_code == 2
    assert "has no folder `images` for 'south'" in " ".join(result.stderr.split())
