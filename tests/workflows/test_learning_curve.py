"""`train --subset-sizes`: nested subsets, runs of their own, and the curve that they are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import xlite as toolkit
from xlite.errors import InputError
from xlite.settings import LossSettings, Runtime, TrainSettings
from xlite.workflows.train import train

SETTINGS = TrainSettings(
    model="test_resnet",
    initial_weights="none",
    loss=LossSettings(name="bce"),
    batch_size=16,
    lr=1e-3,
    epochs=1,
)
RUNTIME = Runtime(device="cpu", num_workers=0)
SIZES = [1, 0.5, 0.25]


def test_a_curve_of_nested_subsets_is_trained_and_goes_on(
    project: Any, tmp_path: Path, xlite_ok: Any
) -> None:
    places = {"split": project.split, "cache": project.cache, "out": tmp_path, "runtime": RUNTIME}
    # The whole split's run is an ordinary one, and taken as it is.
    (whole,) = train(SETTINGS, seeds=[0], **places)
    with pytest.raises(InputError, match="test_resnet exists already"):
        train(SETTINGS, seeds=[0], subset_sizes=SIZES, **places)
    outcomes = train(SETTINGS, seeds=[0], subset_sizes=SIZES, resume=True, **places)
    names = ["test_resnet:n0.25", "test_resnet:n0.5", "test_resnet"]
    assert [one.name for one in outcomes] == names
    assert outcomes[-1].run_dir == whole.run_dir
    assert len({one.run_dir for one in outcomes}) == 3

    curve = toolkit.read_learning_curve(tmp_path)
    (model,) = curve.models
    assert [point.share for point in model.points] == [0.25, 0.5, 1.0]
    assert [point.images for point in model.points] == sorted(p.images for p in model.points)
    assert [one.factor for one in model.forecast] == [2.0, 4.0]
    assert all(one.low <= one.median <= one.high for one in model.forecast)

    parts = [read_images(folder) for folder in sorted(tmp_path.glob("subsets/*/s0/*"))]
    assert parts[0]["train"] < parts[1]["train"] < read_images(project.split)["train"]
    assert parts[0]["val"] == parts[1]["val"] == read_images(project.split)["val"]

    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "runs").rglob("*.csv")}
    shown = xlite_ok(
        *("train", "--model", "test_resnet", "--no-pretrained", "--loss", "bce", "--seeds", "0"),
        *("--split", project.split, "--cache", project.cache, "--out", tmp_path, "--resume"),
        *("--batch-size", 16, "--lr", 1e-3, "--epochs", 1, "--device", "cpu", "--workers", 0),
        *("--subset-sizes", "0.25,0.5,1", "--json"),
    )
    again = json.loads(shown.stdout)["learning_curve"]
    assert again["models"] == json.loads(json.dumps(curve.to_json()))["models"]
    assert {path: path.stat().st_mtime_ns for path in times} == times


def read_images(folder: Path) -> dict[str, set[str]]:
    return {
        name: set(pd.read_csv(folder / f"{name}.csv")["Image Index"]) for name in ("train", "val")
    }


@pytest.mark.parametrize(
    ("sizes", "runtime", "said"),
    [
        ([0.5, 2], RUNTIME, "2 is no share"),
        ([0.5, 1], RUNTIME.model_copy(update={"devices": 2}), "one device"),
    ],
)
def test_what_can_be_no_curve_is_refused_at_once(
    project: Any, tmp_path: Path, sizes: list[float], runtime: Runtime, said: str
) -> None:
    with pytest.raises(InputError, match=said):
        train(
            SETTINGS,
            split=project.split,
            cache=project.cache,
            out=tmp_path / "new",
            runtime=runtime,
            subset_sizes=sizes,
        )
    assert not (tmp_path / "new").exists()


def test_words_are_no_sizes(project: Any, xlite: Any) -> None:
    result = xlite("train", "--model", "test_resnet", "--subset-sizes", "half")
    assert result.exit_code == 2
    assert "0.25,0.5,1" in result.output


def test_folds_are_refused_for_they_share_no_validation_part(project: Any, tmp_path: Path) -> None:
    toolkit.make_folds(project.table, folds=3, out=tmp_path / "folds")
    with pytest.raises(InputError, match=r"judged on one validation part\. Pass one fold: --split"):
        train(
            SETTINGS,
            split=tmp_path / "folds",
            cache=project.cache,
            out=tmp_path / "new",
            runtime=RUNTIME,
            subset_sizes=[0.5, 1],
        )
    assert not (tmp_path / "new").exists()
