"""Runs of schema version 2, before weights said what they are of: continued, judged, reported."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from xlite.run_folder import read_run
from xlite.run_folder.weights import read_weights_description

BCE, FOCAL = "golden_net-bce-none-s0-fce5e245", "golden_net-focal-none-s0-82f8ffcd"

FOLDERS = ("--split", "splits", "--cache", "cache", "--out", "experiments")
TRAINING = ("--batch-size", 16, "--lr", 3e-3, "--seed", 0, "--no-pretrained", "--device", "cpu")
TRAIN = ("train", "--models", "golden_net", *TRAINING, "--workers", 0, *FOLDERS, "--resume")


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_a_finished_run_is_found_read_judged_and_reported(
    golden_schema_2: Path, xlite_ok: Any
) -> None:
    folder = golden_schema_2 / "experiments/runs" / BCE
    before = contents(folder)
    result = xlite_ok(*TRAIN, "--loss", "bce", "--epochs", 2)
    assert "finished already, skipped" in result.output
    assert contents(folder).items() >= before.items()
    run = read_run(folder)
    assert run.scores is not None
    shown = xlite_ok("evaluate", f"experiments/runs/{BCE}", "--split", "splits", "--json")
    assert json.loads(shown.stdout)["macro"]["auroc"] == run.scores.val.macro["auroc"]
    xlite_ok("report", "--split", "splits", "--cache", "cache", "--experiments", "experiments")
    page = (golden_schema_2 / "report.html").read_text()
    assert BCE in page
    assert FOCAL in page
    xlite_ok("log", "add", "--experiments", "experiments", "--decision", "keep", "--run", BCE)


def test_a_run_that_was_stopped_goes_on_in_the_middle_of_its_epoch(
    golden_schema_2: Path, xlite_ok: Any
) -> None:
    folder = golden_schema_2 / "experiments/runs" / FOCAL
    first_epoch = read_run(folder).history
    config = (folder / "config.json").read_bytes()
    assert len(first_epoch) == 1, "ensure that it was stopped in its second epoch"
    said = xlite_ok(*TRAIN, "--loss", "focal", "--epochs", 2).stderr
    assert "continues in epoch 2 after step 1" in said
    run = read_run(folder)
    assert run.is_finished
    assert run.history[:1] == first_epoch
    assert [sitting.outcome for sitting in run.sittings] == ["interrupted", "finished"]
    assert (folder / "config.json").read_bytes() == config
    # What is written now says what it is of.
    described = read_weights_description(folder / "best.safetensors", remedy="")
    assert described is not None
    assert described.labels == list(run.labels)


def test_a_finished_run_is_continued(golden_schema_2: Path, xlite_ok: Any) -> None:
    folder = golden_schema_2 / "experiments/runs" / BCE
    scores = (folder / "scores.json").read_bytes()
    xlite_ok(*TRAIN, "--loss", "bce", "--epochs", 3)
    run = read_run(folder)
    assert len(run.history) == 3
    assert (folder / "before_1" / "scores.json").read_bytes() == scores
