"""A run with a head of queries, stopped within an epoch, ends as one that nothing stopped."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from xlite.errors import InterruptedRunError
from xlite.run_folder.file_names import RUN_BEST, predictions_name
from xlite.settings import LossSettings, Runtime, TrainSettings
from xlite.signals import catch_stop_signals
from xlite.splitting.split_folder import read_split
from xlite.training.data import StudyData, load_study_data
from xlite.training.run import follow_run, train_run

CPU = Runtime(device="cpu", num_workers=0)


def train_until_stopped(settings: TrainSettings, data: StudyData, run_dir: Path) -> None:
    options: dict[str, Any] = {"runtime": CPU, "resume": False, "has_fixed_budget": False}
    with catch_stop_signals() as stop:
        for report in follow_run(settings, data, run_dir, stop=stop, **options):
            if report.epochs_done == 1:
                os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize("head", ["query", "gem"])
def test_a_stopped_run_ends_with_the_bytes_of_a_whole_one(
    head: str, project: Any, tmp_path: Path
) -> None:
    settings = TrainSettings(
        model=f"test_resnet+{head}",
        initial_weights="none",
        loss=LossSettings(name="bce"),
        epochs=2,
        batch_size=16,
        dropout=0.5,
        ema_decay=0.9,
    )
    data = load_study_data(read_split(project.split), project.cache)
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    train_run(settings, data, whole, runtime=CPU)
    with pytest.raises(InterruptedRunError, match="epoch 2 of 2 after step 1"):
        train_until_stopped(settings, data, stopped)
    train_run(settings, data, stopped, runtime=CPU, resume=True)
    for name in (RUN_BEST, predictions_name("val"), predictions_name("test")):
        is_same = (whole / name).read_bytes() == (stopped / name).read_bytes()
        assert is_same, name
