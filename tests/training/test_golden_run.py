"""Runs of version 0.1: found, read, judged, reported and continued as on the day they were made."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

BCE, FOCAL = "golden_net-bce-none-s0-fd0c0621", "golden_net-focal-none-s0-97e10347"

FOLDERS = ("--split", "splits", "--cache", "cache", "--out", "experiments")
TRAINING = ("--batch-size", 16, "--lr", 3e-3, "--seed", 0, "--no-pretrained", "--device", "cpu")
TRAIN = ("train", "--models", "golden_net", "--loss", "bce", *TRAINING, "--workers", 0, *FOLDERS)


def test_finished_runs_are_found_under_their_old_names(golden: Path, xlite_ok: Any) -> None:
    before = {path: path.read_bytes() for path in golden.glob("experiments/runs/*/*")}
    result = xlite_ok(*TRAIN, "--epochs", 2, "--resume")
    assert "finished already, skipped" in result.output
    assert {path.name for path in golden.glob("experiments/runs/*")} == {BCE, FOCAL}
    assert {path: path.read_bytes() for path in before} == before
    xlite_ok(
        *("ablate", "--model", "golden_net", "--losses", "bce,focal", "--epochs", 2),
        *(*TRAINING, "--workers", 0, *FOLDERS, "--resume"),
    )
    assert {path.name for path in golden.glob("experiments/runs/*")} == {BCE, FOCAL}


def test_without_resume_an_old_run_is_not_trained_again(golden: Path, xlite: Any) -> None:
    result = xlite(*TRAIN, "--epochs", 2)
    assert result.exit_code == 2
    assert f"1 of 1 runs exist already (first: experiments/runs/{BCE})" in result.output
    assert {path.name for path in golden.glob("experiments/runs/*")} == {BCE, FOCAL}


def test_old_runs_are_judged_compared_reported_and_logged(golden: Path, xlite_ok: Any) -> None:
    shown = xlite_ok("evaluate", f"experiments/runs/{BCE}", "--split", "splits", "--json")
    kept = json.loads((golden / "experiments/runs" / BCE / "scores.json").read_text())
    assert json.loads(shown.stdout)["macro"]["auroc"] == kept["val"]["macro"]["auroc"]
    xlite_ok("compare", "--split", "splits", "--out", "experiments")
    xlite_ok(
        *("report", "--split", "splits", "--cache", "cache", "--experiments", "experiments"),
    )
    page = (golden / "report.html").read_text()
    assert BCE in page
    assert FOCAL in page
    xlite_ok("log", "add", "--experiments", "experiments", "--decision", "keep", "--run", BCE)
    assert "Decision: keep" in (golden / "EXPERIMENT_LOG.md").read_text()
    status = json.loads(xlite_ok("status", "--out", "experiments", "--json").stdout)
    assert [run["status"] for run in status["runs"]] == ["finished", "finished"]


def test_an_old_run_is_continued_in_its_folder(golden: Path, xlite_ok: Any) -> None:
    run = golden / "experiments/runs" / BCE
    old_config, old_scores = (run / "config.json").read_bytes(), (run / "scores.json").read_bytes()
    xlite_ok(*TRAIN, "--epochs", 3, "--resume")
    assert json.loads((run / "scores.json").read_text())["epochs"] == 3
    assert (run / "before_1" / "scores.json").read_bytes() == old_scores
    # The first sitting's environment stays where version 0.1 noted it.
    assert (run / "config.json").read_bytes() == old_config
    first, second = json.loads((run / "sittings.json").read_text())["sittings"]
    assert first["environment"]["xlite"] == "0.1.0"
    assert (first["epochs"], second["epochs"], second["from_epoch"]) == (2, 3, 2)
    assert second["outcome"] == "finished"
    assert "finished already" in xlite_ok(*TRAIN, "--epochs", 3, "--resume").output


def test_a_finished_run_without_its_checkpoint_is_not_overwritten(golden: Path, xlite: Any) -> None:
    run = golden / "experiments/runs" / FOCAL
    before = {path: path.read_bytes() for path in run.iterdir()}
    arguments = [*TRAIN, "--epochs", 3, "--resume"]
    arguments[arguments.index("bce")] = "focal"
    result = xlite(*arguments)
    assert result.exit_code == 1
    assert "its last.pt is gone" in result.output
    assert {path: path.read_bytes() for path in before} == before
