"""A small study as agents on a cluster find it, and what one process makes of it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from training.run_comparison import find_differences

PLAN = """
name = "toy"
question = "Does dropout help?"
seeds = [0, 1]
[settings]
model = "test_resnet"
pretrained = false
image-size = 32
epochs = 4
batch-size = 16
[data]
split = "data/splits"
cache = "data/cache"
[running]
device = "cpu"
workers = 0
[slurm]
agents = 2
time = "10"
[[experiment]]
id = "E1"
[[experiment]]
id = "E2"
set = {dropout = 0.3}
"""


def make_home(project: Any, folder: Path) -> Path:
    """A project's folder with the plan, `plan.toml`."""
    (folder / "data").mkdir(parents=True)
    shutil.copytree(project.split, folder / "data" / "splits")
    shutil.copytree(project.cache, folder / "data" / "cache")
    (folder / "plan.toml").write_text(PLAN)
    return folder


def run_straight(home: Path, *arguments: str) -> None:
    """Carry out the plan of a project's folder by one process with one thread, or as it is told."""
    subprocess.run(
        [sys.executable, "-m", "xlite", "study", "run", "plan.toml", *arguments],
        cwd=home,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        check=True,
    )


def list_runs(home: Path) -> list[Path]:
    """The run folders of a project, by name."""
    runs = home / "experiments" / "runs"
    return sorted(runs.iterdir()) if runs.is_dir() else []


def count_epochs(home: Path) -> int:
    """Epochs in the histories of all runs, so far."""
    histories = [run / "history.csv" for run in list_runs(home)]
    return sum(len(path.read_text().splitlines()) - 1 for path in histories if path.exists())


def assert_same_runs(left: Path, right: Path) -> None:
    """That two projects have the same runs, to the byte."""
    names = [run.name for run in list_runs(left)]
    assert names == [run.name for run in list_runs(right)]
    assert len(names) == 4
    for one, other in zip(list_runs(left), list_runs(right), strict=True):
        assert find_differences(one, other) == [], one.name
