"""`xlite.train` leaves what `xlite train` leaves."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from xlite.errors import CheckFailedError, InputError
from xlite.run_folder import read_run
from xlite.settings import LossSettings, Runtime, TrainSettings
from xlite.studies.outcome import Outcome, require_success
from xlite.workflows.train import train

SETTINGS = TrainSettings(
    model="test_resnet",
    initial_weights="none",
    loss=LossSettings(name="bce"),
    batch_size=16,
    lr=1e-3,
    epochs=1,
    seed=3,
)
RUNTIME = Runtime(device="cpu", num_workers=0)


def files_of(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def trained(project: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Outcome]]:
    out = tmp_path_factory.mktemp("trained")
    outcomes = train(
        SETTINGS, seeds=[3, 4], split=project.split, cache=project.cache, out=out, runtime=RUNTIME
    )
    return out, outcomes


def test_each_outcome_has_its_folder_and_scores(trained: tuple[Path, list[Outcome]]) -> None:
    out, outcomes = trained
    assert [outcome.name for outcome in outcomes] == ["test_resnet:s3", "test_resnet:s4"]
    for outcome in outcomes:
        assert outcome.error is None
        assert outcome.scores is not None
        assert outcome.run_dir.parent == out / "runs"
        assert (outcome.run_dir / "scores.json").is_file()


def test_a_run_holds_the_thresholds_that_its_evaluation_would_fit(
    trained: tuple[Path, list[Outcome]], project: Any, tmp_path: Path, xlite_ok: Any
) -> None:
    kept = trained[1][0].run_dir
    run = read_run(shutil.copytree(kept, tmp_path / "out" / "runs" / kept.name))
    written = run.find_thresholds()
    assert written is not None
    assert written.name in run.require_scores().files
    xlite_ok(
        *("evaluate", run.path, "--split", project.split, "--calibrate", "platt"),
        *("--save-thresholds", tmp_path / "theirs.json"),
    )
    ours, theirs = (json.loads(path.read_text()) for path in (written, tmp_path / "theirs.json"))
    assert ours["fitted_on"].pop("name") == "the validation part"
    assert theirs["fitted_on"].pop("name") == run.name
    assert ours == theirs


def test_the_command_leaves_the_same_files(
    trained: tuple[Path, list[Outcome]], project: Any, tmp_path: Path, xlite_ok: Any
) -> None:
    out, outcomes = trained
    xlite_ok(
        *("train", "--model", "test_resnet", "--no-pretrained", "--loss", "bce"),
        *("--split", project.split, "--cache", project.cache, "--out", tmp_path),
        *("--batch-size", 16, "--lr", 1e-3, "--epochs", 1, "--seeds", "3,4"),
        *("--device", "cpu", "--workers", 0),
    )
    assert files_of(tmp_path) == files_of(out)
    for outcome in outcomes:
        for name in ("predictions_val.csv", "best.safetensors"):
            ours, theirs = (top / "runs" / outcome.run_dir.name / name for top in (out, tmp_path))
            assert ours.read_bytes() == theirs.read_bytes()


def test_a_second_call_needs_resume_and_then_trains_nothing(
    trained: tuple[Path, list[Outcome]], project: Any
) -> None:
    out, outcomes = trained
    places = {"split": project.split, "cache": project.cache, "out": out, "runtime": RUNTIME}
    with pytest.raises(InputError, match="2 of 2 runs exist already"):
        train(SETTINGS, seeds=[3, 4], **places)
    times = {path: path.stat().st_mtime_ns for path in (out / "runs").rglob("*.csv")}
    again = train(SETTINGS, seeds=[3, 4], resume=True, **places)
    assert [one.run_dir for one in again] == [one.run_dir for one in outcomes]
    assert {path: path.stat().st_mtime_ns for path in times} == times


def test_faults_are_found_before_anything_is_written(project: Any, tmp_path: Path) -> None:
    places = {"split": project.split, "cache": project.cache, "out": tmp_path / "new"}
    with pytest.raises(InputError, match="nobody"):
        train(SETTINGS, models=["test_resnet", "nobody"], **places)
    assert not (tmp_path / "new").exists()


def test_a_failed_run_is_an_outcome_that_can_be_required(tmp_path: Path) -> None:
    failed = Outcome("a", tmp_path, None, "out of luck")
    with pytest.raises(CheckFailedError, match="1 of 1 runs failed: a"):
        require_success([failed])
    assert failed.to_json() == {
        "name": "a",
        "run": str(tmp_path),
        "error": "out of luck",
        "scores": None,
    }
