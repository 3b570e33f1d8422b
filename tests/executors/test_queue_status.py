from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from xlite.errors import InputError
from xlite.executors.queue_status import QueueStatus, estimate_total, read_queue_status
from xlite.run_folder.lock import hold_lock
from xlite.studies.progress import ProgressFile


def enter(out: Path, name: str, **fields: Any) -> Path:
    run_dir = out / "runs" / name
    run_dir.mkdir(parents=True)
    entry = {"run": f"runs/{name}", "model": name, "epochs": 10, **fields}
    ProgressFile(out / "training_progress.json").update({name: entry})
    return run_dir


def test_time_left_goes_by_a_runs_own_pace_and_else_by_the_mean(tmp_path: Path) -> None:
    enter(tmp_path, "done", status="finished", epochs_done=10, seconds=100.0)
    running = enter(tmp_path, "runs", status="running", epochs_done=4, seconds=80.0)
    enter(tmp_path, "waits", status="pending")
    with hold_lock(running):
        queue = read_queue_status(tmp_path, now=datetime.now(UTC))
    left = {run.name: run.seconds_left for run in queue.runs}
    assert left["done"] == 0
    assert left["runs"] == pytest.approx(6 * 20, abs=5)
    assert left["waits"] == pytest.approx(10 * (10 + 20) / 2)
    assert queue.seconds_left == pytest.approx(270, abs=5)
    assert not queue.has_ended


def test_time_since_the_last_epoch_counts_while_a_run_is_alive(tmp_path: Path) -> None:
    running = enter(tmp_path, "a", status="running", epochs_done=4, seconds=80.0)
    later = datetime.now(UTC) + timedelta(seconds=15)
    with hold_lock(running):
        [run] = read_queue_status(tmp_path, now=later).runs
    assert run.seconds == pytest.approx(95, abs=2)
    assert run.seconds_left == pytest.approx(105, abs=2)
    [dead] = read_queue_status(tmp_path, now=later).runs
    assert (dead.status, dead.seconds, dead.seconds_left) == ("stopped", 80.0, 120.0)


def test_without_a_finished_epoch_nothing_is_known(tmp_path: Path) -> None:
    enter(tmp_path, "a", status="pending")
    queue = read_queue_status(tmp_path)
    assert (queue.runs[0].seconds_left, queue.seconds_left) == (None, None)


def test_a_run_that_finished_a_moment_ago_is_not_called_stopped(tmp_path: Path) -> None:
    run_dir = enter(tmp_path, "a", status="running", epochs_done=10, seconds=5.0)
    (run_dir / "scores.json").write_text("{}")
    assert read_queue_status(tmp_path).runs[0].status == "finished"


def test_a_failed_run_has_nothing_left_and_says_why(tmp_path: Path) -> None:
    enter(tmp_path, "a", status="failed", epochs_done=2, seconds=4.0, error="shape")
    queue = read_queue_status(tmp_path)
    assert (queue.runs[0].error, queue.seconds_left) == ("shape", 0.0)
    assert queue.has_ended


def test_a_queue_comes_back_from_its_json(tmp_path: Path) -> None:
    enter(tmp_path, "a", status="failed", epochs_done=2, seconds=4.0, error="shape")
    enter(tmp_path, "b", status="pending")
    queue = read_queue_status(tmp_path)
    assert queue.counts == {"failed": 1, "pending": 1}
    assert QueueStatus.from_json(json.loads(json.dumps(queue.to_json()))) == queue


def test_side_by_side_the_longest_lane_counts() -> None:
    assert estimate_total([60.0, 30.0, 45.0], num_side_by_side=1) == 135
    assert estimate_total([60.0, 30.0, 45.0], num_side_by_side=3) == 60
    assert estimate_total([], num_side_by_side=2) == 0


def test_an_empty_folder_is_explained(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"training_progress.json does not exist.*--out DIR"):
        read_queue_status(tmp_path)


def test_an_queue_needs_no_torch() -> None:
    modules = "sys, xlite.cli.status, xlite.executors.queue_status"
    code = f"import {modules}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=120).returncode == 0
