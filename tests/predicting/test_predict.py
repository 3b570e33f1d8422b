"""`xlite.predict` and `xlite predict`: the bytes of training, kills, broken and unlike films."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest

import xlite
from xlite.errors import InputError
from xlite.predicting import predict_films
from xlite.run_folder import RunFolder
from xlite.settings import Runtime

CPU = Runtime(device="cpu", num_workers=0)


@pytest.fixture(scope="module")
def films(project: Any, trained_runs: list[RunFolder], tmp_path_factory: Any) -> Path:
    """Films of the test part, a noisy one, one that is cut off, and one that is none."""
    folder = tmp_path_factory.mktemp("films")
    for name in list(trained_runs[0].predictions("test").image_ids)[:6]:
        shutil.copy(project.images / name, folder / name)
    noise = np.random.default_rng(0).integers(0, 256, (96, 96)).astype(np.uint8)
    cv2.imwrite(str(folder / "z_noise.jpg"), noise)
    whole = (folder / name).read_bytes()
    (folder / "broken.png").write_bytes(whole[: len(whole) // 2])
    (folder / "text.png").write_text("no film")
    (folder / "notes.txt").write_text("not to be predicted")
    return folder


def test_the_same_films_give_the_bytes_of_training(
    trained_runs: list[RunFolder], project: Any, tmp_path: Path, xlite_ok: Any
) -> None:
    run, val = trained_runs[0], project.split / "val.csv"
    written = (run.path / "predictions_val.csv").read_bytes()
    xlite.predict(run.path, labels=val, cache=project.cache, out=tmp_path / "a.csv", runtime=CPU)
    assert (tmp_path / "a.csv").read_bytes() == written
    shown = xlite_ok(
        *("predict", run.path, "--labels", val, "--images", project.images, "--device", "cpu"),
        *("--workers", 2, "--out", tmp_path / "b.csv", "--json"),
    )
    assert (tmp_path / "b.csv").read_bytes() == written
    assert (tmp_path / "a_calls.csv").read_bytes() == (tmp_path / "b_calls.csv").read_bytes()
    found = json.loads(shown.stdout)
    assert found == json.loads((tmp_path / "b.json").read_text())
    calls = pd.read_csv(tmp_path / "b_calls.csv")
    called = {label: one["called"] for label, one in found["per_class"].items()}
    assert any(called.values()), "ensure that something is called"
    for label, count in called.items():
        assert count is None or calls[f"call_{label}"].sum() == count
    judged = xlite_ok(
        *("evaluate", "--predictions", tmp_path / "b.csv", "--labels", project.table),
        *("--allow-partial", "--resamples", 100, "--json"),
    )
    auroc = json.loads(judged.stdout)["macro"]["auroc"]
    assert auroc == pytest.approx(run.scores.val.macro["auroc"])


def test_broken_films_are_named_and_unlike_ones_marked(
    trained_runs: list[RunFolder], films: Path, tmp_path: Path, xlite: Any, xlite_ok: Any
) -> None:
    arguments = ("predict", trained_runs[0].path, "--images", films, "--device", "cpu")
    result = xlite(*arguments, "--out", tmp_path / "p.csv")
    assert result.exit_code == 1
    assert "2 of 9 films could not be read" in result.output
    found = json.loads((tmp_path / "p.json").read_text())
    assert [one["image"] for one in found["failed"]] == ["broken.png", "text.png"]
    assert "truncated" in found["failed"][0]["reason"]
    table = pd.read_csv(tmp_path / "p.csv")
    assert list(table["image_id"]) == sorted(path.name for path in films.glob("*[0-9e].[pj]*g"))
    calls = pd.read_csv(tmp_path / "p_calls.csv").set_index("image_id")
    assert found["unlike"]["films"][0] == "z_noise.jpg"
    assert set(found["unlike"]["films"]) == set(calls.index[calls["unlike_training"] == 1])
    assert calls["p_like_training"].between(0, 1).all()
    # The same once more is there already; something else is not put in its place.
    times = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    again = xlite_ok(*arguments, "--out", tmp_path / "p.csv", "--allow-failed")
    assert "holds these predictions already" in again.output
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == times
    other = xlite(*arguments, "--out", tmp_path / "p.csv", "--false-alarms", 0.2)
    assert other.exit_code == 2
    assert "--overwrite" in other.output
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == times


KILLED = """
import os, sys
import xlite
from xlite.predicting import chunks, predict_films
predict_films.CHUNK = 16
write = chunks.ChunkFolder.write
def write_and_die(self, number, chunk):
    write(self, number, chunk)
    if number == 1:
        os.kill(os.getpid(), 9)
chunks.ChunkFolder.write = write_and_die
run, images, out = sys.argv[1:]
xlite.predict(run, images, out=out, runtime=xlite.Runtime(device="cpu", num_workers=0))
"""


def test_a_prediction_that_was_killed_goes_on_to_the_same_bytes(
    trained_runs: list[RunFolder], project: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setattr(predict_films, "CHUNK", 16)
    run, images = trained_runs[0].path, tmp_path / "images"
    images.mkdir()
    for path in sorted(project.images.glob("*.png"))[:40]:
        shutil.copy2(path, images / path.name)
    whole = xlite.predict(run, images, out=tmp_path / "whole/p.csv", runtime=CPU)
    out = tmp_path / "killed/p.csv"
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(run), str(images), str(out)], check=False
    )
    assert done.returncode == -9
    assert not out.exists()
    read = []
    real = predict_films.read_films
    monkeypatch.setattr(
        predict_films, "read_films", lambda f, p, **rest: read.extend(p) or real(f, p, **rest)
    )
    again = xlite.predict(run, images, out=out, runtime=CPU)
    assert read == list(range(32, 40)), "what was done is not done again"
    assert again.summary.images_before == 32
    assert again.summary.images == whole.summary.images == 40
    for name in ("p.csv", "p_calls.csv"):
        assert (out.parent / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert {path.name for path in out.parent.iterdir()} == {"p.csv", "p_calls.csv", "p.json"}


def test_a_folder_of_runs_is_their_mean(
    trained_runs: list[RunFolder], films: Path, golden: Path
) -> None:
    every = list(films.glob("0*.png"))
    one, two = (xlite.predict(run.path, every, runtime=CPU) for run in trained_runs)
    mean = xlite.predict(trained_runs[0].path.parent, every, runtime=CPU)
    np.testing.assert_allclose(mean.probs, (one.probs + two.probs) / 2, atol=1e-6)
    assert mean.summary.kind == "ensemble"
    assert mean.summary.models == tuple(run.name for run in trained_runs)
    assert mean.thresholds is not None
    with pytest.raises(InputError, match="differ in more than seed and split"):
        xlite.predict(golden / "experiments", every, cache=golden / "cache", runtime=CPU)


def test_what_can_t_be_predicted_is_refused(
    trained_runs: list[RunFolder], films: Path, project: Any, tmp_path: Path
) -> None:
    run = trained_runs[0].path
    (tmp_path / "empty").mkdir()
    (tmp_path / "words").mkdir()
    (tmp_path / "words" / "a.txt").write_text("words")
    wrong = (
        ((run, tmp_path / "empty"), {}, "no film below .*it holds no file"),
        ((run, tmp_path / "words"), {}, r"it holds other files alone \(a.txt\)"),
        ((run, tmp_path / "nowhere"), {}, "nowhere does not exist"),
        ((tmp_path / "empty", films), {}, "empty is no run folder"),
        ((tmp_path / "nowhere", films), {}, "no run in experiments/runs is called so"),
        (([run, run], films), {}, "named twice"),
        ((run,), {}, "pass the films"),
        ((run, films), {"out": run / "p.csv"}, "is the folder of a run"),
        ((run, films), {"out": tmp_path / "p.txt"}, r"no name of a table. Pass one in \.csv"),
        ((run, films), {"false_alarms": 0.0}, "no share of films"),
        ((run, films), {"labels": project.table}, "are missing under"),
    )
    before = sorted(tmp_path.rglob("*"))
    for arguments, options, said in wrong:
        with pytest.raises(InputError, match=said):
            xlite.predict(*arguments, **options, runtime=CPU)
    assert sorted(tmp_path.rglob("*")) == before
