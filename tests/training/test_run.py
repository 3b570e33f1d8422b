from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from xlite.artifacts import (
    RUN_BEST,
    RUN_CONFIG,
    RUN_HISTORY,
    RUN_LAST,
    RUN_SCORES,
    predictions_name,
    read_json,
    read_predictions,
)
from xlite.config import LossSettings, Runtime, SamplerSettings, TrainSettings
from xlite.dataset.split import read_split
from xlite.errors import CheckFailedError, InputError, InterruptedRunError
from xlite.scores.ranking import auroc, macro_mean
from xlite.training.data import StudyData, load_study_data
from xlite.training.resume import TrainState
from xlite.training.run import train_run

SETTINGS = TrainSettings(
    model="test_resnet+mhsa",
    initial_weights="none",
    loss=LossSettings(name="pos-weight", pos_weight="sqrt"),
    sampler=SamplerSettings(name="inverse-mean"),
    epochs=3,
    batch_size=16,
    lr=1e-3,
    augment="light",
    plateau_patience=0,
)
CPU = Runtime(device="cpu", num_workers=0)
TIMES = ["seconds", "images_per_second"]


@pytest.fixture(scope="module")
def data(project: Any) -> StudyData:
    return load_study_data(read_split(project.split), project.cache)


@pytest.fixture(scope="module")
def whole_run(data: StudyData, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nothing interrupted."""
    run_dir = tmp_path_factory.mktemp("whole") / "run"
    train_run(SETTINGS, data, run_dir, runtime=CPU)
    return run_dir


def interrupt_after(epochs: int, number: int) -> Any:
    def on_epoch(state: TrainState) -> None:
        if state.epoch == epochs:
            os.kill(os.getpid(), number)

    return on_epoch


def are_equal(left: Any, right: Any) -> bool:
    """Whether two state dicts hold the same values, tensors compared to the last bit."""
    if isinstance(left, torch.Tensor):
        return torch.equal(left, right)
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(are_equal(left[k], right[k]) for k in left)
    if isinstance(left, list | tuple):
        return len(left) == len(right) and all(map(are_equal, left, right))
    return bool(left == right)


def assert_same_results(left: Path, right: Path) -> None:
    # Compared first and asserted then: pytest would spend minutes on explaining a difference.
    for name in (RUN_BEST, predictions_name("val"), predictions_name("test")):
        is_same = (left / name).read_bytes() == (right / name).read_bytes()
        assert is_same, name
    histories = [pd.read_csv(run / RUN_HISTORY).drop(columns=TIMES) for run in (left, right)]
    pd.testing.assert_frame_equal(*histories, check_exact=True)
    states = [torch.load(run / RUN_LAST, weights_only=True) for run in (left, right)]
    for name in ("model", "optimizer", "scheduler"):
        is_same = are_equal(states[0][name], states[1][name])
        assert is_same, name


def test_a_run_leaves_its_artefacts_and_they_agree(data: StudyData, whole_run: Path) -> None:
    scores = read_json(whole_run / RUN_SCORES, remedy="")
    config = read_json(whole_run / RUN_CONFIG, remedy="")
    history = pd.read_csv(whole_run / RUN_HISTORY)
    assert config["settings"] == SETTINGS.model_dump(mode="json")
    assert config["data"]["split_sha256"] == data.split_sha256
    assert history["epoch"].tolist() == [1, 2, 3]
    assert scores["epochs"] == 3
    best = history["val_auroc"].idxmax()
    assert scores["best_epoch"] == best + 1
    for part in ("val", "test"):
        manifest = data.parts[part]
        predictions = read_predictions(whole_run / predictions_name(part), data.vocabulary)
        assert predictions.image_ids.tolist() == manifest.image_ids.tolist()
        macro = macro_mean(auroc(manifest.labels, predictions.probs))[0]
        assert scores[part]["macro"]["auroc"] == pytest.approx(macro, abs=1e-12)
    # The weights that are kept are the best epoch's, not the last one's.
    assert scores["val"]["macro"]["auroc"] == pytest.approx(history["val_auroc"][best], abs=1e-6)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_run_resumes_to_the_same_bytes(
    data: StudyData, whole_run: Path, tmp_path: Path, number: int, code: int
) -> None:
    run_dir = tmp_path / "run"
    with pytest.raises(InterruptedRunError, match="epoch 2 of 3 after step 1.*--resume") as caught:
        train_run(SETTINGS, data, run_dir, runtime=CPU, on_epoch=interrupt_after(1, number))
    assert caught.value.exit_code == code
    assert not (run_dir / RUN_SCORES).exists()
    train_run(SETTINGS, data, run_dir, runtime=CPU, resume=True)
    assert_same_results(run_dir, whole_run)


@pytest.mark.parametrize("dropped", ["model", "optimizer", "scheduler", "step", "epoch"])
def test_each_part_of_the_state_is_needed(
    data: StudyData, whole_run: Path, tmp_path: Path, dropped: str
) -> None:
    """The control of the test above: without any one part the result differs."""
    run_dir = tmp_path / "run"
    with pytest.raises(InterruptedRunError):
        train_run(SETTINGS, data, run_dir, runtime=CPU, on_epoch=interrupt_after(1, signal.SIGINT))
    content = torch.load(run_dir / RUN_LAST, weights_only=True)
    match dropped:
        case "step" | "epoch":
            content["state"][dropped] = 0
        case "model":
            content["model"] = {k: torch.zeros_like(v) for k, v in content["model"].items()}
        case "optimizer":
            content["optimizer"]["state"] = {}
        case "scheduler":
            content["scheduler"]["best"] = 2.0
    torch.save(content, run_dir / RUN_LAST)
    train_run(SETTINGS, data, run_dir, runtime=CPU, resume=True)
    with pytest.raises(AssertionError):
        assert_same_results(run_dir, whole_run)


def test_a_finished_run_is_reused_and_never_overwritten(data: StudyData, whole_run: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in whole_run.iterdir()}
    scores = train_run(SETTINGS, data, whole_run, runtime=CPU, resume=True)
    assert scores == read_json(whole_run / RUN_SCORES, remedy="")
    with pytest.raises(InputError, match="exists already.*--resume"):
        train_run(SETTINGS, data, whole_run, runtime=CPU)
    assert {path: path.stat().st_mtime_ns for path in whole_run.iterdir()} == before


def test_early_stopping_counts_epochs_without_gain(data: StudyData, tmp_path: Path) -> None:
    settings = SETTINGS.model_copy(update={"epochs": 30, "early_stopping": 1, "lr": 1e-12})
    scores = train_run(settings, data, tmp_path / "run", runtime=CPU)
    history = pd.read_csv(tmp_path / "run" / RUN_HISTORY)["val_auroc"].to_numpy()
    assert scores["epochs"] < 30
    assert scores["epochs"] == len(history) == scores["best_epoch"] + 1
    assert history[-1] <= history[:-1].max()


def test_a_loss_that_is_not_finite_stops_before_the_update(data: StudyData, tmp_path: Path) -> None:
    settings = SETTINGS.model_copy(update={"lr": 1e30})
    run_dir = tmp_path / "run"
    with pytest.raises(CheckFailedError, match=r"before the update.*begins with .*\.png.*--lr"):
        train_run(settings, data, run_dir, runtime=CPU)
    assert not (run_dir / RUN_SCORES).exists()
    if (run_dir / RUN_BEST).exists():
        assert all(tensor.isfinite().all() for tensor in load_file(run_dir / RUN_BEST).values())


def test_bf16_trains(data: StudyData, tmp_path: Path) -> None:
    settings = SETTINGS.model_copy(update={"precision": "bf16", "epochs": 1})
    scores = train_run(settings, data, tmp_path / "run", runtime=CPU)
    assert np.isfinite(scores["val"]["macro"]["auroc"])


@pytest.mark.parametrize("device", ["cuda:99", "tpu", "cuda:x"])
def test_a_device_that_is_not_there_is_named(data: StudyData, tmp_path: Path, device: str) -> None:
    with pytest.raises(InputError, match=device):
        train_run(SETTINGS, data, tmp_path / "run", runtime=Runtime(device=device))
