"""What a loss carries from step to step is in the checkpoint, and a resumed run goes on with it."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from xlite.errors import InterruptedRunError
from xlite.run_folder.file_names import RUN_BEST, RUN_HISTORY, RUN_LAST
from xlite.run_folder.history import MACHINE_COLUMNS
from xlite.settings import Runtime, TrainSettings
from xlite.signals import catch_stop_signals
from xlite.splitting.split_folder import read_split
from xlite.training.data import StudyData, load_study_data
from xlite.training.exact_resume import read_checkpoint
from xlite.training.run import follow_run, train_run

CPU = Runtime(device="cpu", num_workers=0)
PLAIN = {
    "model": "test_resnet",
    "initial_weights": "none",
    "epochs": 3,
    "batch_size": 16,
    "lr": 1e-3,
    "augment": "none",
}
CASES: dict[str, tuple[dict[str, Any], str, str]] = {
    "average-precision": ({"loss": {"name": "average-precision"}}, "loss", "means"),
    "uncertainty": (
        {"loss": {"name": "combined", "pos_weight": "sqrt", "label_weighting": "uncertainty"}},
        "loss",
        "log_variance",
    ),
    "deep-supervision": ({"deep_supervision": 0.5}, "stage_heads", "heads.0.weight"),
    "balanced": (
        {
            "loss": {"name": "combined", "pos_weight": "sqrt"},
            "deep_supervision": 0.5,
            "component_weights": "balanced",
            "accumulate": 2,
        },
        "component_balance",
        "means",
    ),
}
"""Settings, and the part of the checkpoint and the tensor in it that they bring."""


@pytest.fixture(scope="module")
def data(project: Any) -> StudyData:
    return load_study_data(read_split(project.split), project.cache)


def history_of(run_dir: Path) -> pd.DataFrame:
    return pd.read_csv(run_dir / RUN_HISTORY).drop(columns=list(MACHINE_COLUMNS))


def train_and_stop(settings: TrainSettings, data: StudyData, run_dir: Path) -> None:
    """Train, and be stopped after the first step of the second epoch."""
    options: dict[str, Any] = {"runtime": CPU, "resume": False, "has_fixed_budget": False}

    def stop_after_an_epoch() -> None:
        with catch_stop_signals() as stop:
            for _ in follow_run(settings, data, run_dir, stop=stop, **options):
                os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(InterruptedRunError, match="epoch 2 of 3 after step 1"):
        stop_after_an_epoch()


@pytest.mark.parametrize("case", CASES)
def test_a_resumed_run_goes_on_with_the_state(
    case: str, data: StudyData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes, part, tensor = CASES[case]
    settings = TrainSettings.parse(**PLAIN, **changes)
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    train_run(settings, data, whole, runtime=CPU)
    train_and_stop(settings, data, stopped)
    saved = read_checkpoint(stopped / RUN_LAST)[part][tensor]
    assert (saved != 0).any()
    copied = {path.name: path.read_bytes() for path in stopped.iterdir() if path.is_file()}
    train_run(settings, data, stopped, runtime=CPU, resume=True)
    pd.testing.assert_frame_equal(history_of(whole), history_of(stopped), check_exact=True)
    assert (whole / RUN_BEST).read_bytes() == (stopped / RUN_BEST).read_bytes()
    assert not any(part in name for name in load_file(whole / RUN_BEST))

    # The control: without that state in it the same checkpoint leads elsewhere.
    forgetful = tmp_path / "forgetful"
    forgetful.mkdir()
    for name, content in copied.items():
        (forgetful / name).write_bytes(content)
    checkpoint = read_checkpoint(forgetful / RUN_LAST)
    checkpoint[part][tensor].zero_()
    torch.save(checkpoint, forgetful / RUN_LAST)
    train_run(settings, data, forgetful, runtime=CPU, resume=True)
    assert not history_of(whole).equals(history_of(forgetful))


def test_learned_weights_are_columns_of_the_history(data: StudyData, tmp_path: Path) -> None:
    settings = TrainSettings.parse(**PLAIN, **CASES["uncertainty"][0])
    train_run(settings.model_copy(update={"epochs": 1}), data, tmp_path / "run", runtime=CPU)
    history = history_of(tmp_path / "run")
    weights = history[[f"loss_weight_{label}" for label in data.vocabulary]].iloc[0]
    # As many steps of AdamW, each by the learning rate at most, from a weight of 1.
    assert weights.between(0.5, 1.5).all()
    assert (weights != 1).any()
    parts = ["train_loss_pos-weight", "train_loss_focal", "train_loss_log-variance"]
    assert history[parts].sum(axis=1).iloc[0] == pytest.approx(history["train_loss"].iloc[0])
    # Validation is judged by the plain loss, so that its epochs can be compared.
    assert "val_loss_log-variance" not in history


def test_balanced_components_and_heads_on_stages_are_columns_of_the_history(
    data: StudyData, tmp_path: Path
) -> None:
    settings = TrainSettings.parse(**{**PLAIN, **CASES["balanced"][0], "epochs": 1})
    train_run(settings, data, tmp_path / "run", runtime=CPU)
    history = history_of(tmp_path / "run").iloc[0]
    names = ["pos-weight", "focal", "deep-supervision"]
    losses = [history[f"train_loss_{name}"] for name in names]
    assert sum(losses) == pytest.approx(history["train_loss"])
    # Shares of a half, a half and a half; the first step of a few has them as they come.
    assert max(losses) < 1.6 * min(losses)
    assert all(history[f"component_weight_{name}"] > 0 for name in names)
    assert history["component_weight_focal"] > 1 > history["component_weight_pos-weight"]
    assert "val_loss_deep-supervision" not in history
