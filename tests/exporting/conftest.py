"""A trained run of the small project, and its exported folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from xlite.run_folder import RunFolder, read_run
from xlite.settings import LossSettings, Runtime, TrainSettings
from xlite.workflows.export import export
from xlite.workflows.train import train

pytest.importorskip("onnxscript")


@pytest.fixture(scope="session")
def trained(project: Any, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    settings = TrainSettings(
        model="test_resnet",
        initial_weights="none",
        loss=LossSettings(name="bce"),
        batch_size=16,
        lr=1e-3,
        epochs=1,
        image_size=48,
    )
    (outcome,) = train(
        settings,
        seeds=[3],
        split=project.split,
        cache=project.cache,
        out=tmp_path_factory.mktemp("exporting"),
        runtime=Runtime(device="cpu", num_workers=0),
    )
    return read_run(outcome.run_dir)


@pytest.fixture(scope="session")
def exported(trained: RunFolder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported") / "folder"
    export(trained.path, out=folder)
    return folder
