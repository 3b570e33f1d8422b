"""A split without a validation part: fixed epochs, the last weights, nothing selected."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from xlite.errors import InputError
from xlite.places import experiment_log_path
from xlite.run_folder.folder import RunFolder, read_run
from xlite.run_folder.typical_films_file import read_typical_films
from xlite.settings import LossSettings, Runtime, TrainSettings
from xlite.signals import StopRequest
from xlite.splitting.split_folder import read_split
from xlite.studies.folder import StudyFolder
from xlite.studies.item_result import ItemResult
from xlite.studies.study_plan import StudyPlan
from xlite.studies.work_item import WorkItem
from xlite.training.data import load_study_data
from xlite.training.exact_resume import read_checkpoint
from xlite.training.run import train_run
from xlite.workflows.ablate import ablate
from xlite.workflows.study_items import perform
from xlite.workflows.train import train

CPU = Runtime(device="cpu", num_workers=0)
# With a validation part it would stop early after its second epoch.
SETTINGS = TrainSettings(
    model="test_resnet",
    initial_weights="none",
    loss=LossSettings(name="bce"),
    batch_size=16,
    lr=1e-3,
    epochs=3,
    min_delta=10.0,
    early_stopping=1,
    plateau_patience=0,
)
AVERAGED = SETTINGS.model_copy(update={"ema_decay": 0.9, "seed": 1})


@pytest.fixture(scope="module")
def split(project: Any, tmp_path_factory: pytest.TempPathFactory, xlite_ok: Any) -> Path:
    """One of two folds without validation."""
    folds = tmp_path_factory.mktemp("without") / "folds"
    xlite_ok("split", "--labels", project.table, "--folds", 2, "--no-val", "--out", folds)
    return folds / "0"


@pytest.fixture(scope="module")
def out(project: Any, split: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The experiments folder of a run with the last weights, and one with their average."""
    folder = tmp_path_factory.mktemp("trained") / "experiments"
    for settings in (SETTINGS, AVERAGED):
        (outcome,) = train(settings, split=split, cache=project.cache, out=folder, runtime=CPU)
        assert outcome.error is None
    return folder


def runs_of(out: Path) -> list[RunFolder]:
    runs = sorted(((out / "runs").iterdir()), key=lambda path: read_run(path).settings.seed)
    averaged, last = (read_run(path) for path in runs)
    return [last, averaged]


def test_all_epochs_are_trained_and_the_last_weights_kept(out: Path) -> None:
    for run, part in zip(runs_of(out), ("model", "average"), strict=True):
        scores = run.require_scores()
        assert (scores.epochs, scores.best_epoch, scores.stopped_early) == (3, 3, False)
        assert scores.val is None
        assert json.loads((run.path / "scores.json").read_text())["val"] is None
        assert not [name for name in run.history[0] if name.startswith("val")]
        assert [row["lr"] for row in run.history] == [1e-3] * 3
        content = read_checkpoint(run.last_checkpoint)
        saved = content[part]
        for name, tensor in load_file(run.find_weights()).items():
            wanted = saved[name] if part == "model" else saved[f"module.{name}"]
            assert torch.equal(tensor, wanted)


def test_half_of_training_says_what_is_usual_of_the_other(out: Path, split: Path) -> None:
    run = runs_of(out)[0]
    kept = run.find_typical_films()
    assert kept is not None
    films = read_typical_films(kept, remedy="")
    num = len(read_split(split).parts["train"])
    assert (films.is_unseen, len(films.distances)) == (False, num // 2)
    assert films.appearance is None, "of forty films no mean is kept"


def test_only_the_test_part_is_predicted(out: Path, split: Path) -> None:
    run = runs_of(out)[0]
    assert not (run.path / "predictions_val.csv").exists()
    assert run.find_thresholds() is None
    assert len(run.predictions("test").image_ids) == len(read_split(split).parts["test"])
    with pytest.raises(InputError, match="without a validation part"):
        run.predictions("val")


def test_tables_log_and_page_do_without_scores(
    out: Path, split: Path, xlite_ok: Any, project: Any, tmp_path: Path
) -> None:
    table = pd.read_csv(out / "baseline_results.csv")
    assert table["val_auroc"].isna().all()
    assert len(table) == 2
    log = experiment_log_path(out).read_text()
    assert "Validation: the split has none; the weights are those of epoch 3" in log
    status = json.loads(xlite_ok("status", "--out", out, "--json").stdout)
    assert [one["best_val_auroc"] for one in status["runs"]] == [None, None]
    assert "–" in xlite_ok("status", "--out", out).stdout
    xlite_ok(
        *("report", "--experiments", out, "--split", split, "--cache", project.cache),
        *("--out", tmp_path / "report.html"),
    )
    page = (tmp_path / "report.html").read_text()
    assert "The split has no validation part" in page
    assert "No run is finished" not in page


def test_the_command_says_what_is_not_in_force(
    split: Path, project: Any, tmp_path: Path, xlite_ok: Any
) -> None:
    result = xlite_ok(
        *("train", "--model", "test_resnet", "--no-pretrained", "--epochs", 1),
        *("--split", split, "--cache", project.cache, "--out", tmp_path / "experiments"),
        *("--batch-size", 16, "--device", "cpu", "--workers", 0),
    )
    assert "all 1 epochs are trained and the last weights kept" in result.stderr
    assert "--early-stopping are not in force" in result.stderr
    assert "val AUROC" not in result.stderr


def test_the_test_part_is_evaluated_at_crossfitted_thresholds(
    out: Path, split: Path, tmp_path: Path, xlite: Any, xlite_ok: Any
) -> None:
    run = runs_of(out)[0].path
    options = ("evaluate", run, "--split", split, "--out", tmp_path / "evaluation", "--json")
    found = json.loads(xlite_ok(*options, "--part", "test").stdout)
    assert found["thresholds"]["source"] == "cross-fitted between halves of the patients"
    refused = xlite(*options)
    assert refused.exit_code == 2
    assert "has no val part" in refused.stderr or "without a validation part" in refused.stderr


def test_variants_are_refused_before_they_are_trained(
    split: Path, project: Any, tmp_path: Path, xlite: Any
) -> None:
    variants = {"a": SETTINGS, "b": SETTINGS.model_copy(update={"lr": 3e-3})}
    with pytest.raises(InputError, match="variants are judged by the validation part"):
        ablate(variants, split=split, cache=project.cache, out=tmp_path / "e", runtime=CPU)
    result = xlite(
        *("ablate", "--model", "test_resnet", "--vary", "lr=1e-4,1e-3", "--split", split),
        *("--cache", project.cache, "--out", tmp_path / "e", "--no-pretrained"),
    )
    assert result.exit_code == 2
    assert "variants are judged by the validation part" in result.stderr
    assert not (tmp_path / "e" / "runs").exists()


def test_it_resumes_and_pauses_to_the_same_bytes(split: Path, project: Any, tmp_path: Path) -> None:
    data = load_study_data(read_split(split), project.cache, split_dir=split)
    train_run(AVERAGED, data, tmp_path / "runs" / "straight", runtime=CPU)
    folder = StudyFolder(tmp_path / "experiments" / "studies" / "a")
    plan = StudyPlan(name="a", split=split, cache=project.cache)
    for until, outcome in ((1, "paused"), (2, "paused"), (3, "finished")):
        item = WorkItem(
            id=f"train:E:s1:e{until}",
            kind="train",
            subject="E",
            settings=AVERAGED,
            until_epoch=until,
        )
        *_, result = perform(item, folder, plan, runtime=CPU, stop=StopRequest())
        assert isinstance(result, ItemResult)
        assert (result.outcome, result.epochs, result.scores) == (outcome, until, {})
    assert result.run is not None
    left, right = tmp_path / "runs" / "straight", folder.experiments / result.run
    assert not (left / "predictions_val.csv").exists()
    for name in ("best.safetensors", "predictions_test.csv"):
        assert (left / name).read_bytes() == (right / name).read_bytes()
