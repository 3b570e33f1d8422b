"""Training over folds: one run a fold, model and seed, and what each says of images new to it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from workflows.drawn_folds import write_folds

from xlite.errors import InputError
from xlite.run_folder.folder import RunFolder
from xlite.run_folder.predictions import read_predictions
from xlite.settings import LossSettings, Runtime, TrainSettings
from xlite.splitting.split_folder import read_split
from xlite.studies.outcome import Outcome
from xlite.tables.read_labels import read_labels
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
NAMES = [f"test_resnet:s{seed}:f{fold}" for seed in (3, 4) for fold in (0, 1, 2)]


@pytest.fixture(scope="module")
def folds(project: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_folds(read_labels(project.table), tmp_path_factory.mktemp("f"), num_folds=3)


@pytest.fixture(scope="module")
def trained(
    project: Any, folds: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, list[Outcome]]:
    out = tmp_path_factory.mktemp("trained")
    return out, train(
        SETTINGS, seeds=[3, 4], split=folds, cache=project.cache, out=out, runtime=RUNTIME
    )


def test_each_fold_and_seed_is_a_run_on_the_tables_of_its_fold(
    trained: tuple[Path, list[Outcome]], folds: Path
) -> None:
    _, outcomes = trained
    assert [outcome.name for outcome in outcomes] == NAMES
    assert len({outcome.run_dir for outcome in outcomes}) == 6
    for number, outcome in enumerate(outcomes):
        assert outcome.error is None
        split = read_split(folds / str(number % 3))
        assert RunFolder(outcome.run_dir).config.data.split_sha256 == split.sha256


def test_progress_and_results_name_the_fold(
    trained: tuple[Path, list[Outcome]], xlite_ok: Any
) -> None:
    out, _ = trained
    entries = json.loads((out / "training_progress.json").read_text())["models"]
    assert [(entries[name]["seed"], entries[name]["fold"]) for name in NAMES] == [
        (seed, fold) for seed in (3, 4) for fold in (0, 1, 2)
    ]
    results = pd.read_csv(out / "baseline_results.csv")
    assert sorted(results["fold"]) == [0, 0, 1, 1, 2, 2]
    assert "test_resnet:s4:f2" in xlite_ok("status", "--out", out).stdout


def test_out_of_fold_predictions_are_each_images_by_the_run_that_never_saw_it(
    trained: tuple[Path, list[Outcome]], folds: Path, project: Any
) -> None:
    out, outcomes = trained
    files = sorted((out / "out_of_fold").glob("*/predictions.csv"))
    assert [file.parent.name.rpartition("-")[0] for file in files] == [
        "test_resnet-s3",
        "test_resnet-s4",
    ]
    table = read_labels(project.table)
    record = json.loads((files[1].parent / "out_of_fold.json").read_text())
    assert record["runs"] == {str(fold): outcomes[3 + fold].run_dir.name for fold in (0, 1, 2)}
    pooled = read_predictions(files[1], table.vocabulary)
    assert sorted(pooled.image_ids) == sorted(table.image_ids)
    for fold in (0, 1, 2):
        own = RunFolder(outcomes[3 + fold].run_dir).predictions("test")
        assert set(own.image_ids) == set(read_split(folds / str(fold)).parts["test"].image_ids)
        rows = pd.Index(pooled.image_ids).get_indexer(pd.Index(own.image_ids))
        assert np.array_equal(pooled.probs[rows], own.probs)


def test_pooled_predictions_are_judged_as_any_others(
    trained: tuple[Path, list[Outcome]], project: Any, xlite_ok: Any
) -> None:
    file = next((trained[0] / "out_of_fold").glob("*/predictions.csv"))
    shown = xlite_ok("evaluate", "--predictions", file, "--labels", project.table, "--json")
    assert json.loads(shown.stdout)["images"] == 160


def test_resume_takes_finished_folds_and_trains_those_that_are_missing(
    trained: tuple[Path, list[Outcome]], folds: Path, project: Any, tmp_path: Path, xlite_ok: Any
) -> None:
    arguments = (
        *("train", "--model", "test_resnet", "--no-pretrained", "--loss", "bce", "--jobs", 2),
        *("--split", folds, "--cache", project.cache, "--out", tmp_path, "--seed", 3),
        *("--batch-size", 16, "--lr", 1e-3, "--epochs", 1, "--device", "cpu", "--workers", 0),
        *("--labels", project.table, "--resume"),
    )
    first = xlite_ok(*arguments)
    assert "out-of-fold predictions of test_resnet: " in first.stderr
    (pooled,) = (tmp_path / "out_of_fold").glob("*/predictions.csv")
    before = pooled.read_bytes()
    runs = {path.name for path in (tmp_path / "runs").iterdir()}
    # The names of one seed have no seed in them; the folders are those of a run of the library.
    assert runs == {outcome.run_dir.name for outcome in trained[1][:3]}
    again = xlite_ok(*arguments)
    assert again.stderr.count("finished already, skipped") == 3
    assert pooled.read_bytes() == before


def test_a_fold_that_fails_leaves_the_others_and_no_pooled_predictions(
    folds: Path, project: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from xlite.workflows import study_training

    follow = study_training.follow_run
    calls = []

    def fail_once(*arguments: Any, **options: Any) -> Any:
        calls.append(arguments)
        if len(calls) == 2:
            raise InputError("out of luck")
        return follow(*arguments, **options)

    monkeypatch.setattr(study_training, "follow_run", fail_once)
    outcomes = train(SETTINGS, split=folds, cache=project.cache, out=tmp_path, runtime=RUNTIME)
    assert [outcome.error for outcome in outcomes] == [None, "out of luck", None]
    assert not (tmp_path / "out_of_fold").exists()


def test_folds_that_were_not_finished_are_refused(
    folds: Path, project: Any, tmp_path: Path
) -> None:
    import shutil

    copy = tmp_path / "folds"
    shutil.copytree(folds, copy)
    (copy / "folds.json").unlink()
    with pytest.raises(InputError, match=r"not finished: .*folds\.json is missing"):
        train(SETTINGS, split=copy, cache=project.cache, out=tmp_path / "out", runtime=RUNTIME)
    assert not (tmp_path / "out").exists()


def test_a_fold_that_is_too_poor_is_named(project: Any, tmp_path: Path) -> None:
    table = read_labels(project.table)
    # Every image of one fold's validation part alike: nothing can be judged on it.
    labels = table.labels.copy()
    folds = write_folds(table, tmp_path / "sound", num_folds=3)
    poor = np.isin(table.image_ids, read_split(folds / "1").parts["val"].image_ids)
    labels[poor] = 0
    poorer = type(table)(table=table.table, labels=labels, vocabulary=table.vocabulary)
    folds = write_folds(poorer, tmp_path / "poor", num_folds=3)
    with pytest.raises(InputError, match=r"in the val part of fold 1\. Split"):
        train(SETTINGS, split=folds, cache=project.cache, out=tmp_path / "o", runtime=RUNTIME)
