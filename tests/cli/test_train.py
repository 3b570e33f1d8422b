from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest


def arguments(project: Any, out: Path, models: str, *more: object) -> tuple[str, ...]:
    values = (
        *("train", "--models", models, "--split", project.split, "--cache", project.cache),
        *("--out", out, "--no-pretrained", "--batch-size", 16, "--lr", 1e-3, "--epochs", 2),
        *more,
    )
    return tuple(str(value) for value in values)


@pytest.fixture(scope="module")
def trained(project: Any, xlite_ok: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("experiments")
    xlite_ok(*arguments(project, out, "test_resnet+mhsa,test_efficientnet+performer"))
    return out


def read_progress(out: Path) -> dict[str, Any]:
    return json.loads((out / "training_progress.json").read_text())


def test_progress_results_and_runs_agree(trained: Path) -> None:
    progress = read_progress(trained)
    names = ["test_resnet+mhsa", "test_efficientnet+performer"]
    assert progress["completed_models"] == names
    assert progress["last_updated"]
    table = pd.read_csv(trained / "baseline_results.csv").set_index("name")
    assert table["val_auroc"].is_monotonic_decreasing
    for name in names:
        entry = progress["models"][name]
        assert (entry["status"], entry["epochs_done"], entry["error"]) == ("finished", 2, None)
        scores = json.loads((trained / entry["run"] / "scores.json").read_text())
        assert table.loc[name, "val_auroc"] == pytest.approx(
            scores["val"]["macro"]["auroc"], rel=1e-5
        )
        assert table.loc[name, "parameters"] == scores["num_parameters"]
        assert entry["best_val_auroc"] == scores["val"]["macro"]["auroc"]


def test_the_experiment_log_has_a_record_of_each_run(trained: Path) -> None:
    records = re.findall(r"<!-- run:(\S+) (\S+) -->", (trained / "EXPERIMENT_LOG.md").read_text())
    runs = {Path(entry["run"]).name for entry in read_progress(trained)["models"].values()}
    assert [key for key, _ in records] == ["EXP-001", "EXP-002"]
    assert {run for _, run in records} == runs


def test_resume_skips_finished_models(project: Any, xlite: Any, trained: Path) -> None:
    command = arguments(project, trained, "test_resnet+mhsa,test_efficientnet+performer")
    again = xlite(*command)
    assert again.exit_code == 2
    assert "--resume" in again.stderr
    resumed = xlite(*command, "--resume")
    assert resumed.exit_code == 0
    assert resumed.stderr.count("finished already, skipped") == 2


def test_a_model_that_fails_is_recorded_and_the_others_go_on(
    project: Any, xlite: Any, tmp_path: Path
) -> None:
    # One token of a 16-pixel image is nothing that attention could work on.
    result = xlite(
        *arguments(project, tmp_path, "test_efficientnet+mhsa,test_resnet", "--image-size", 32)
    )
    assert result.exit_code == 1
    progress = read_progress(tmp_path)["models"]
    assert progress["test_efficientnet+mhsa"]["status"] == "failed"
    assert "token" in progress["test_efficientnet+mhsa"]["error"]
    assert progress["test_resnet"]["status"] == "finished"
    assert "1 of 2 runs failed: test_efficientnet+mhsa." in result.stderr


@pytest.mark.parametrize(
    ("models", "more", "message"),
    [
        ("no_such_model", (), "no_such_model"),
        ("resnet10t+magic", (), "magic"),
        ("test_resnet,test_resnet", (), "more than once"),
        ("test_resnet", ("--loss", "hinge"), "--loss: "),
        ("test_resnet", ("--epochs", 0), "--epochs"),
        ("test_resnet", ("--pretrained", "--weights", "absent.safetensors"), "absent.safetensors"),
        ("test_resnet", ("--cache", "absent"), "cache-clahe"),
        ("test_resnet", ("--split", "absent"), "xlite split"),
    ],
)
def test_wrong_usage_is_explained(
    project: Any, xlite: Any, tmp_path: Path, models: str, more: tuple[object, ...], message: str
) -> None:
    result = xlite(*arguments(project, tmp_path / "e", models, *more))
    assert result.exit_code == 2
    assert message in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_training_that_resumes(
    project: Any, xlite_ok: Any, tmp_path: Path, number: int, code: int
) -> None:
    command = arguments(project, tmp_path, "test_resnet+mhsa", "--epochs", 40, "--resume")
    process = subprocess.Popen(
        [sys.executable, "-m", "xlite", *command], stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < deadline:
        progress = tmp_path / "training_progress.json"
        if progress.exists() and read_progress(tmp_path)["models"]["test_resnet+mhsa"].get(
            "epochs_done", 0
        ):
            os.kill(process.pid, number)
            break
        time.sleep(0.02)
    _, stderr = process.communicate(timeout=120)
    assert process.returncode == code, stderr
    assert "--resume continues from there" in stderr
    assert read_progress(tmp_path)["models"]["test_resnet+mhsa"]["status"] == "interrupted"
    done = xlite_ok(*command, "--early-stopping", 10)
    assert "continues in epoch" in done.stderr
    assert read_progress(tmp_path)["completed_models"] == ["test_resnet+mhsa"]
