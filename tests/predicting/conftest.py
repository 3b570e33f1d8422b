"""Two trained runs of the small project: seeds 3 and 4 of one model."""

from __future__ import annotations

from typing import Any

import pytest

from xlite.run_folder import RunFolder, read_run
from xlite.settings import LossSettings, Runtime, TrainSettings
from xlite.workflows.train import train

CPU = Runtime(device="cpu", num_workers=0)


@pytest.fixture(scope="session")
def trained_runs(project: Any, tmp_path_factory: pytest.TempPathFactory) -> list[RunFolder]:
    settings = TrainSettings(
        model="test_resnet",
        initial_weights="none",
        loss=LossSettings(name="bce"),
        batch_size=16,
        lr=1e-3,
        epochs=1,
    )
    outcomes = train(
        settings,
        seeds=[3, 4],
        split=project.split,
        cache=project.cache,
        out=tmp_path_factory.mktemp("predicting"),
        runtime=CPU,
    )
    return [read_run(outcome.run_dir) for outcome in outcomes]
