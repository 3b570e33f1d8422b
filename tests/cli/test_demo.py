from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from xlite.errors import InputError
from xlite.files import read_json
from xlite.run_folder.file_names import (
    RUN_BEST,
    RUN_CONFIG,
    RUN_HISTORY,
    RUN_LAST,
    RUN_SCORES,
    predictions_name,
)
from xlite.workflows.demo import LEAST_EPOCHS, LEAST_IMAGES, MOST_IMAGES, demo


def run_demo(out: Path, num_images: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            *(sys.executable, "-m", "xlite", "demo", "--out", str(out)),
            *("--num-images", str(num_images), "--epochs", "3"),
        ],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def record_times(folder: Path) -> dict[str, int]:
    return {
        path.relative_to(folder).as_posix(): path.stat().st_mtime_ns
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.slow
def test_the_demo_does_the_whole_job_and_the_second_time_nothing(tmp_path: Path) -> None:
    first = run_demo(tmp_path / "demo", 300)
    assert first.returncode == 0, first.stderr
    for command in (
        "split",
        "cache-clahe",
        "verify-balance",
        "train",
        "ablate",
        "evaluate",
        "report",
    ):
        assert f"\n$ xlite {command} " in first.stderr
    assert "… Ctrl-C after epoch 2:" in first.stderr
    assert "is saved. The same command with --resume continues from there." in first.stderr
    assert ": continues in epoch 3" in first.stderr

    experiments = tmp_path / "demo" / "experiments"
    for path in (
        "../splits/split.json",
        "../clahe_cache/cache.json",
        "balance.png",
        "data_balance_verification.csv",
        "baseline_results.csv",
        "ablation.csv",
        "../report.html",
    ):
        assert (experiments / path).stat().st_size > 0
    runs = sorted((experiments / "runs").iterdir())
    assert len(runs) == 5, "two models, and a second loss and a second seed for one of them"
    for run in runs:
        names = {path.name for path in run.iterdir()}
        assert names >= {RUN_CONFIG, RUN_HISTORY, RUN_LAST, RUN_BEST, RUN_SCORES}
        assert names >= {predictions_name("val"), predictions_name("test")}
    judged = sorted(path.name for path in (experiments / "evaluation").iterdir())
    assert len(judged) == 2
    for name in judged:
        scores = read_json(experiments / "evaluation" / name / RUN_SCORES, remedy="")
        assert (scores["name"], scores["part"]) == (name, "test")
        assert scores["test_looks"][-1]["run"] == name
    looks = read_json(experiments / "test_looks.json", remedy="")["looks"]
    assert sorted(look["run"] for look in looks) == judged
    assert len({look["test_set"] for look in looks}) == 1
    progress = read_json(experiments / "training_progress.json", remedy="")
    assert {entry["status"] for entry in progress["models"].values()} == {"finished"}
    assert {entry["epochs_done"] for entry in progress["models"].values()} == {3}

    made = ("raw", "clahe_cache", "experiments/runs")
    times = {name: record_times(tmp_path / "demo" / name) for name in made}
    second = run_demo(tmp_path / "demo", 300)
    assert second.returncode == 0, second.stderr
    assert "Ctrl-C" not in second.stderr
    assert "$ xlite evaluate" not in second.stderr, "a second look would be counted"
    assert second.stderr.count("finished already, skipped") == 6
    assert {name: record_times(tmp_path / "demo" / name) for name in made} == times


def test_a_demo_too_small_for_its_findings_is_refused(tmp_path: Path) -> None:
    result = run_demo(tmp_path / "demo", 200)
    assert result.returncode == 2
    assert "300" in result.stderr
    assert not (tmp_path / "demo").exists(), "nothing half-made is left behind"


def test_the_demo_keeps_out_of_a_project(tmp_path: Path) -> None:
    (tmp_path / "experiments").mkdir()
    ending = run_demo(tmp_path, 300)
    assert ending.returncode == 2
    assert "holds experiments, and nothing says that it belongs to a demo" in ending.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["experiments"]


def test_the_function_takes_what_the_command_takes(
    xlite_ok: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    shown = xlite_ok("demo", "--help").output
    assert f"{LEAST_IMAGES}<=x<={MOST_IMAGES}" in shown
    assert f"x>={LEAST_EPOCHS}" in shown
    for wrong in ({"num_images": 299}, {"num_images": 112_121}, {"epochs": 2}):
        with pytest.raises(InputError, match=next(iter(wrong))):
            demo(tmp_path / "demo", **wrong)
    assert not (tmp_path / "demo").exists()
