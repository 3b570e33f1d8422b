"""Each way of fine-tuning changes a run, and is exact when the run is stopped between two steps."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from training.run_comparison import find_differences

from xlite.errors import InterruptedRunError
from xlite.run_folder.file_names import RUN_BEST
from xlite.run_folder.folder import RunFolder
from xlite.settings import Runtime, TrainSettings
from xlite.signals import StopRequest
from xlite.splitting.split_folder import read_split
from xlite.training.data import StudyData, load_study_data
from xlite.training.run import follow_run, train_run

CPU = Runtime(device="cpu", num_workers=0)

# In parts, with a moving average: whatever a step adds has to go along with both.
PLAIN: dict[str, Any] = {
    "model": "test_resnet",
    "initial_weights": "none",
    "epochs": 3,
    "batch_size": 16,
    "accumulate": 2,
    "lr": 1e-3,
    "augment": "none",
    "ema_decay": 0.9,
}

WAYS: dict[str, dict[str, Any]] = {
    "plain": {},
    "batch norm frozen": {"batch_norm": "frozen"},
    "batch norm affine": {"batch_norm": "affine", "freeze_epochs": 1},
    "probe": {"probe_epochs": 2, "head_lr": 1e-2, "model": "test_resnet+mhsa"},
    "drop path": {"drop_path": 0.5},
    "mixup": {"mixup": 0.4},
    "last": {"select": "last", "early_stopping": 1, "min_delta": 10.0},
    "average": {"select": "average", "epochs": 5, "early_stopping": 1, "min_delta": 10.0},
    "mixup and cutmix": {"mixup": 0.4, "cutmix": 1.0},
}


def train_until_stopped(settings: TrainSettings, data: StudyData, run_dir: Path) -> None:
    """Train all epochs but the last, and a step of that."""
    stop = StopRequest()
    options: dict[str, Any] = {"runtime": CPU, "resume": False, "has_fixed_budget": False}
    for report in follow_run(settings, data, run_dir, stop=stop, **options):
        if report.epochs_done == settings.epochs - 1:
            stop.signal_number = signal.SIGINT


@pytest.fixture(scope="module")
def data(project: Any) -> StudyData:
    return load_study_data(read_split(project.split), project.cache)


@pytest.fixture(scope="module")
def whole_runs(data: StudyData, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Each way's run that nothing interrupted."""
    folder = tmp_path_factory.mktemp("whole")
    for way, changes in WAYS.items():
        train_run(TrainSettings.parse(**PLAIN | changes), data, folder / way, runtime=CPU)
    return {way: folder / way for way in WAYS}


def test_no_two_ways_lead_to_the_same_weights(whole_runs: dict[str, Path]) -> None:
    weights = {run.joinpath(RUN_BEST).read_bytes() for run in whole_runs.values()}
    assert len(weights) == len(WAYS)


@pytest.mark.parametrize("way", [way for way in WAYS if way != "plain"])
def test_a_run_that_was_stopped_within_an_epoch_resumes_to_the_same_bytes(
    data: StudyData, whole_runs: dict[str, Path], tmp_path: Path, way: str
) -> None:
    settings = TrainSettings.parse(**PLAIN | WAYS[way])
    with pytest.raises(InterruptedRunError, match=r"epoch (\d) of \1 after step 1"):
        train_until_stopped(settings, data, tmp_path / "run")
    train_run(settings, data, tmp_path / "run", runtime=CPU, resume=True)
    assert find_differences(whole_runs[way], tmp_path / "run") == []


def test_what_is_mixed_is_the_batch_and_not_its_parts_and_no_film_is_scored(
    data: StudyData, tmp_path: Path
) -> None:
    alike = {"mixup": 0.4, "batch_norm": "frozen", "dropout": 0.0, "epochs": 1, "ema_decay": 0.0}
    rows = []
    for parts in (1, 4):
        settings = TrainSettings.parse(**PLAIN | alike | {"accumulate": parts})
        train_run(settings, data, tmp_path / str(parts), runtime=CPU)
        rows.append(RunFolder(tmp_path / str(parts)).history[0])
    for column in ("train_loss", "val_loss"):
        assert rows[0][column] == pytest.approx(rows[1][column], rel=1e-4)
    scores = {"auroc", "average_precision", "f1", "precision", "recall"}
    assert all(np.isnan(rows[0][f"train_{score}"]) for score in scores)
    assert not np.isnan(rows[0]["val_auroc"])


@pytest.mark.parametrize("way", ["last", "average"])
def test_what_picks_no_epoch_trains_all_and_keeps_what_the_last_row_was_judged_by(
    whole_runs: dict[str, Path], way: str
) -> None:
    run = RunFolder(whole_runs[way])
    scores, history = run.require_scores(), run.history
    assert scores.best_epoch == scores.epochs == len(history) == run.settings.epochs
    assert not scores.stopped_early
    assert scores.val_macro["auroc"] == pytest.approx(history[-1]["val_auroc"], abs=1e-12)
