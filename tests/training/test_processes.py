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

from xlite.files import read_json
from xlite.run_folder.file_names import RUN_HISTORY, RUN_LAST, RUN_SCORES, predictions_name
from xlite.run_folder.history import MACHINE_COLUMNS
from xlite.run_folder.predictions import read_predictions
from xlite.splitting.split_folder import read_split
from xlite.training.augmented_prediction import AugmentedView, predict_with_views
from xlite.training.data import load_study_data

SCRIPT = Path(__file__).with_name("run_two_processes.py")


def train(
    project: Any, out: Path, devices: int, **environment: str
) -> subprocess.CompletedProcess[str]:
    arguments = [str(word) for word in (project.split, project.cache, out, devices)]
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=300,
    )
    return done


def train_ok(project: Any, out: Path, devices: int, **environment: str) -> None:
    done = train(project, out, devices, **environment)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def runs(project: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("processes")
    out = {name: folder / name for name in ("one", "two", "stopped")}
    train_ok(project, out["one"], 1)
    train_ok(project, out["two"], 2)
    assert train(project, out["stopped"], 2, STOP="1").returncode != 0
    state = torch.load(out["stopped"] / RUN_LAST, weights_only=True)["state"]
    assert (state["epoch"], state["step"]) == (1, 1)
    train_ok(project, out["stopped"], 2)
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


@pytest.mark.slow
@pytest.mark.parametrize("case", ["two-way", "precision", "uncertainty"])
def test_a_loss_that_compares_images_or_carries_a_state_is_that_of_all_processes(
    project: Any, tmp_path: Path, case: str
) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    train_ok(project, one, 1, CASE=case)
    train_ok(project, two, 2, CASE=case)
    left, right = (history_of(run) for run in (one, two))
    np.testing.assert_allclose(left.to_numpy(), right.to_numpy(), atol=1e-5, rtol=0)


@pytest.mark.slow
def test_memory_that_runs_out_in_one_process_halves_the_parts_of_all(
    project: Any, runs: dict[str, Path], tmp_path: Path
) -> None:
    train_ok(project, tmp_path / "run", 2, MOST_IMAGES="4")
    assert read_json(tmp_path / "run" / RUN_SCORES, remedy="")["accumulate"] == 2
    left, right = (history_of(run) for run in (runs["two"], tmp_path / "run"))
    np.testing.assert_allclose(left.to_numpy(), right.to_numpy(), atol=1e-5, rtol=0)


@pytest.mark.slow
def test_memory_that_does_not_suffice_in_one_process_ends_all(project: Any, tmp_path: Path) -> None:
    """Neither waits for the other, and a loss that can't be split is not."""
    done = train(project, tmp_path / "run", 2, MOST_IMAGES="0", CASE="two-way")
    assert done.returncode != 0
    assert done.stderr.count("CheckFailedError: out of memory with batches of 16") == 2


@pytest.mark.slow
def test_batch_statistics_of_cpus_are_the_same_in_all_processes(
    project: Any, tmp_path: Path
) -> None:
    """The test part is shared out: with statistics of its own, each would predict its own."""
    train_ok(project, tmp_path / "run", 2, CASE="batch-norm")
    data = load_study_data(read_split(project.split), project.cache)
    written = read_predictions(tmp_path / "run" / predictions_name("test"), data.vocabulary)
    again = predict_with_views(tmp_path / "run", "test", data, views=(AugmentedView(),))
    np.testing.assert_allclose(again, written.probs, atol=1e-6)
