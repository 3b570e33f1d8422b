"""Two processes that talk by gloo train what one process trains."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from xlite.artifacts import RUN_HISTORY, RUN_LAST, predictions_name
from xlite.training.history import MACHINE_COLUMNS

SCRIPT = Path(__file__).with_name("run_two_processes.py")


def train(project: Any, out: Path, devices: int, **environment: str) -> int:
    arguments = [str(word) for word in (project.split, project.cache, out, devices)]
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=300,
    )
    if not environment:
        assert done.returncode == 0, done.stderr
    return done.returncode


@pytest.fixture(scope="module")
def runs(project: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("processes")
    out = {name: folder / name for name in ("one", "two", "stopped")}
    train(project, out["one"], 1)
    train(project, out["two"], 2)
    assert train(project, out["stopped"], 2, STOP="1") != 0
    state = torch.load(out["stopped"] / RUN_LAST, weights_only=True)["state"]
    assert (state["epoch"], state["step"]) == (1, 1)
    train(project, out["stopped"], 2)
    return out


def history_of(run_dir: Path) -> pd.DataFrame:
    return pd.read_csv(run_dir / RUN_HISTORY).drop(columns=list(MACHINE_COLUMNS))


@pytest.mark.slow
def test_two_processes_equal_one(runs: dict[str, Path]) -> None:
    one, two = (history_of(runs[name]) for name in ("one", "two"))
    assert one["train_loss"].iloc[0] > 0.1
    np.testing.assert_allclose(one.to_numpy(), two.to_numpy(), atol=1e-5, rtol=0)
    for part in ("val", "test"):
        left, right = (pd.read_csv(runs[n] / predictions_name(part)) for n in ("one", "two"))
        # Each image once, in the order of the table: nothing padded, nothing doubled.
        assert left["image_id"].tolist() == right["image_id"].tolist()
        np.testing.assert_allclose(left.iloc[:, 1:], right.iloc[:, 1:], atol=1e-5)


@pytest.mark.slow
def test_two_processes_resume_to_the_same_bytes(runs: dict[str, Path]) -> None:
    pd.testing.assert_frame_equal(
        history_of(runs["two"]), history_of(runs["stopped"]), check_exact=True
    )
    for part in ("val", "test"):
        left, right = ((runs[n] / predictions_name(part)).read_bytes() for n in ("two", "stopped"))
        is_same = left == right
        assert is_same, part
