"""The promise of exact resume, with real kills: see kill_harness.py."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

HARNESS = Path(__file__).with_name("kill_harness.py")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="the harness forks processes"),
]


def kill_runs(folder: Path, *options: object) -> tuple[int, dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, HARNESS, "--out", folder, *map(str, options)],
        capture_output=True,
        text=True,
        timeout=1800,
    )
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


# With loader processes a sitting takes seconds to start; `make soak` takes the time, for 50 kills.
@pytest.mark.parametrize(("num_workers", "num_kills"), [(0, 25), (2, 6)])
def test_a_run_that_is_killed_ends_with_the_bytes_of_an_undisturbed_one(
    tmp_path: Path, num_workers: int, num_kills: int
) -> None:
    code, report = kill_runs(tmp_path, "--kills", num_kills, "--workers", num_workers)
    assert report["differences"] == []
    assert code == 0
    # Ensure that this was a meaningful test.
    assert report["kills"] >= num_kills
    assert report["kills_inside_checkpoints"] >= num_kills // 3
    assert report["sittings_from_mid_epoch"] >= num_kills // 4


def test_a_resume_that_forgets_something_is_found(tmp_path: Path) -> None:
    code, report = kill_runs(tmp_path, "--kills", 4, "--forget-momentum")
    assert code == 1
    places = {" ".join(place.split(": ")[1].split()[:2]) for place in report["differences"]}
    expected = {"best.safetensors", "predictions_val.csv", "predictions_test.csv"}
    expected |= {"history.csv 2", "scores.json val"}
    expected |= {f"last.pt {part}" for part in ("model", "optimizer", "average", "best", "state")}
    assert not expected - places
