from __future__ import annotations

import gc
import os
import shutil
import signal
import weakref
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from xlite.errors import CheckFailedError, InputError, InterruptedRunError
from xlite.files import read_json
from xlite.run_folder.file_names import (
    RUN_BEST,
    RUN_CONFIG,
    RUN_HISTORY,
    RUN_LAST,
    RUN_SCORES,
    predictions_name,
)
from xlite.run_folder.history import MACHINE_COLUMNS
from xlite.run_folder.predictions import read_predictions
from xlite.scores.ranking import auroc, macro_mean
from xlite.settings import LossSettings, Runtime, SamplerSettings, TrainSettings
from xlite.signals import catch_stop_signals
from xlite.splitting.split_folder import read_split
from xlite.training import judge, saved_state, step, validation
from xlite.training.data import StudyData, load_study_data
from xlite.training.device import build_fabric
from xlite.training.exact_resume import read_checkpoint
from xlite.training.loaders import RunLoaders
from xlite.training.predict import predict_logits
from xlite.training.run import follow_run, train_run
from xlite.training.state import EpochTally, TrainState

# After the first epoch nothing counts as a gain, so that counters and cuts are at work: the rate
# is cut after epochs 3 and 5, and the run ends early after epoch 6 of 8.
SETTINGS = TrainSettings(
    model="test_resnet+performer",
    initial_weights="none",
    loss=LossSettings(name="combined", pos_weight="sqrt"),
    sampler=SamplerSettings(name="inverse-mean"),
    epochs=8,
    batch_size=16,
    accumulate=2,
    lr=1e-3,
    augment="light",
    min_delta=10.0,
    plateau_patience=1,
    early_stopping=5,
    ema_decay=0.9,
    redraw_features=2,
)
NUM_EPOCHS = 6
CPU = Runtime(device="cpu", num_workers=0)
TIMES = list(MACHINE_COLUMNS)


@pytest.fixture(scope="module")
def data(project: Any) -> StudyData:
    return load_study_data(read_split(project.split), project.cache)


@pytest.fixture(scope="module")
def whole_run(data: StudyData, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nothing interrupted."""
    run_dir = tmp_path_factory.mktemp("whole") / "run"
    train_run(SETTINGS, data, run_dir, runtime=CPU)
    return run_dir


def train_and_interrupt(data: StudyData, run_dir: Path, *, after: int, number: int) -> None:
    """Train, and send the process a signal after so many epochs."""
    options: dict[str, Any] = {"runtime": CPU, "resume": False, "has_fixed_budget": False}
    with catch_stop_signals() as stop:
        for report in follow_run(SETTINGS, data, run_dir, stop=stop, **options):
            if report.epochs_done == after:
                os.kill(os.getpid(), number)


def train_heeding_signals(*arguments: Any, **options: Any) -> dict[str, Any]:
    with catch_stop_signals() as stop:
        return train_run(*arguments, stop=stop, **options)


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
    contents = [read_checkpoint(run / RUN_LAST) for run in (left, right)]
    for name in ("model", "optimizer", "average", "best", "identity"):
        is_same = are_equal(contents[0][name], contents[1][name])
        assert is_same, name


@pytest.fixture(scope="module")
def interrupted_run(data: StudyData, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that a signal has stopped in its fifth epoch."""
    run_dir = tmp_path_factory.mktemp("interrupted") / "run"
    with pytest.raises(InterruptedRunError, match="epoch 5 of 8 after step 1.*--resume"):
        train_and_interrupt(data, run_dir, after=4, number=signal.SIGINT)
    return run_dir


def test_a_run_leaves_its_artefacts_and_they_agree(data: StudyData, whole_run: Path) -> None:
    scores = read_json(whole_run / RUN_SCORES, remedy="")
    config = read_json(whole_run / RUN_CONFIG, remedy="")
    history = pd.read_csv(whole_run / RUN_HISTORY)
    assert config["settings"] == SETTINGS.model_dump(mode="json")
    assert config["data"]["split_sha256"] == data.split_sha256
    assert history["epoch"].tolist() == list(range(1, NUM_EPOCHS + 1))
    assert scores["epochs"] == NUM_EPOCHS
    assert scores["stopped_early"]
    assert scores["best_epoch"] == 1
    rates = history["lr"].to_numpy() / SETTINGS.lr
    assert rates.tolist() == [1, 1, 1, 0.5, 0.5, 0.25]
    parts = history["train_loss_pos-weight"] + history["train_loss_focal"]
    np.testing.assert_allclose(parts, history["train_loss"])
    scored = {f"val_{score}_Hernia" for score in ("auroc", "average_precision", "f1", "recall")}
    assert scored <= set(history)
    for part in ("val", "test"):
        manifest = data.parts[part]
        predictions = read_predictions(whole_run / predictions_name(part), data.vocabulary)
        assert predictions.image_ids.tolist() == manifest.image_ids.tolist()
        macro = macro_mean(auroc(manifest.labels, predictions.probs))[0]
        if part == "val":
            assert scores["val"]["macro"]["auroc"] == pytest.approx(macro, abs=1e-12)
    # The test part is predicted, and not judged until someone asks.
    assert "test" not in scores
    # The weights that are kept are the best epoch's, not the last one's.
    assert scores["val"]["macro"]["auroc"] == pytest.approx(history["val_auroc"][0], abs=1e-6)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_ends_a_run_with_its_code(
    data: StudyData, tmp_path: Path, number: int, code: int
) -> None:
    run_dir = tmp_path / "run"
    with pytest.raises(InterruptedRunError, match="epoch 2 of 8 after step 1.*--resume") as caught:
        train_and_interrupt(data, run_dir, after=1, number=number)
    assert caught.value.exit_code == code
    assert not (run_dir / RUN_SCORES).exists()


@pytest.mark.parametrize("num_workers", [0, 2])
def test_an_interrupted_run_resumes_to_the_same_bytes(
    data: StudyData, whole_run: Path, interrupted_run: Path, tmp_path: Path, num_workers: int
) -> None:
    run_dir = shutil.copytree(interrupted_run, tmp_path / "run")
    runtime = Runtime(device="cpu", num_workers=num_workers)
    train_run(SETTINGS, data, run_dir, runtime=runtime, resume=True)
    assert_same_results(run_dir, whole_run)


def test_a_signal_during_validation_is_obeyed(
    data: StudyData, whole_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_dir = tmp_path / "run"
    validate = validation.predict_logits
    asked = []

    def interrupt(*arguments: Any, **options: Any) -> Any:
        asked.append(1)
        if len(asked) == 2:
            os.kill(os.getpid(), signal.SIGTERM)
        return validate(*arguments, **options)

    monkeypatch.setattr(validation, "predict_logits", interrupt)
    with pytest.raises(InterruptedRunError, match="epoch 2 of 8 after step 7"):
        train_heeding_signals(SETTINGS, data, run_dir, runtime=CPU)
    monkeypatch.undo()
    train_run(SETTINGS, data, run_dir, runtime=CPU, resume=True)
    assert_same_results(run_dir, whole_run)


def test_a_signal_during_judging_is_obeyed(
    data: StudyData,
    whole_run: Path,
    interrupted_run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run_dir = shutil.copytree(interrupted_run, tmp_path / "run")
    predict = judge.predict_logits

    def interrupt(*arguments: Any, **options: Any) -> Any:
        os.kill(os.getpid(), signal.SIGINT)
        return predict(*arguments, **options)

    monkeypatch.setattr(judge, "predict_logits", interrupt)
    with pytest.raises(InterruptedRunError, match="after the last epoch.*--resume") as caught:
        train_heeding_signals(SETTINGS, data, run_dir, runtime=CPU, resume=True)
    assert caught.value.exit_code == 130
    assert not (run_dir / RUN_SCORES).exists()
    monkeypatch.undo()
    train_run(SETTINGS, data, run_dir, runtime=CPU, resume=True)
    assert_same_results(run_dir, whole_run)


TALLY = tuple(field.name for field in fields(EpochTally) if field.name != "seconds")
STATE = tuple(f.name for f in fields(TrainState) if f.name not in ("seconds", "tally"))


@pytest.mark.parametrize("dropped", ["model", "optimizer", "average", "best", *STATE, *TALLY])
def test_each_part_of_the_state_is_needed(
    data: StudyData, whole_run: Path, interrupted_run: Path, tmp_path: Path, dropped: str
) -> None:
    """The control of the tests above: without any one part the result differs."""
    run_dir = shutil.copytree(interrupted_run, tmp_path / "run")
    content = read_checkpoint(run_dir / RUN_LAST)
    state, tally = content["state"], content["state"]["tally"]
    if dropped in STATE:
        state[dropped] = getattr(TrainState(), dropped)
    elif dropped in ("logits", "targets"):
        tally[dropped] = [torch.zeros_like(tensor) for tensor in tally[dropped]]
    elif dropped == "norm_max":
        tally[dropped] = 1e9  # 0 would be forgotten as soon as a later step has a larger one
    elif dropped in TALLY:
        tally[dropped] = getattr(EpochTally(), dropped)
    elif dropped == "optimizer":
        content["optimizer"]["state"] = {}
    else:
        content[dropped] = {k: torch.zeros_like(v) for k, v in content[dropped].items()}
    torch.save(content, run_dir / RUN_LAST)
    with pytest.raises((AssertionError, InputError, ValueError, IndexError)):  # noqa: PT012  # either may see it
        train_run(SETTINGS, data, run_dir, runtime=CPU, resume=True)
        assert_same_results(run_dir, whole_run)


def test_what_was_written_after_the_checkpoint_is_taken_back(
    data: StudyData, whole_run: Path, interrupted_run: Path, tmp_path: Path
) -> None:
    run_dir = shutil.copytree(interrupted_run, tmp_path / "run")
    # As if the process had died after an epoch that the checkpoint does not hold yet.
    shutil.copy(whole_run / RUN_HISTORY, run_dir / RUN_HISTORY)
    (run_dir / ".xlite.last.pt.x.tmp").write_bytes(b"half a checkpoint")
    (run_dir / ".notes.tmp").write_text("a user's own")
    (run_dir / RUN_BEST).write_bytes(b"")
    train_run(SETTINGS, data, run_dir, runtime=CPU, resume=True)
    assert_same_results(run_dir, whole_run)
    assert [path.name for path in run_dir.glob(".*.tmp")] == [".notes.tmp"]


def test_a_damaged_checkpoint_costs_time_and_nothing_else(
    data: StudyData, whole_run: Path, interrupted_run: Path, tmp_path: Path
) -> None:
    run_dir = shutil.copytree(interrupted_run, tmp_path / "run")
    whole = (run_dir / RUN_LAST).read_bytes()
    (run_dir / RUN_LAST).write_bytes(whole[: len(whole) // 3])
    train_run(SETTINGS, data, run_dir, runtime=CPU, resume=True)
    assert_same_results(run_dir, whole_run)


def test_checkpoints_are_written_within_the_epoch(
    data: StudyData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = []
    save = saved_state.save_checkpoint

    def note(run_dir: Path, *, state: TrainState, **options: Any) -> None:
        saved.append((state.epoch, state.step))
        save(run_dir, state=state, **options)

    monkeypatch.setattr(saved_state, "save_checkpoint", note)
    settings = SETTINGS.model_copy(update={"epochs": 1})
    always = Runtime(device="cpu", num_workers=0, checkpoint_minutes=0.0)
    train_run(settings, data, tmp_path / "often", runtime=always)
    assert saved == [(0, step) for step in range(8)] + [(1, 0)]
    saved.clear()
    train_run(settings, data, tmp_path / "seldom", runtime=CPU)
    assert saved == [(0, 0), (1, 0)]


def test_more_epochs_go_on_from_a_finished_run(data: StudyData, tmp_path: Path) -> None:
    run_dir, whole = tmp_path / "run", tmp_path / "whole"
    short, long = (SETTINGS.model_copy(update={"epochs": epochs}) for epochs in (1, 2))
    first = train_run(short, data, run_dir, runtime=CPU)
    second = train_run(long, data, run_dir, runtime=CPU, resume=True)
    assert (first.epochs, second.epochs) == (1, 2)
    assert read_json(run_dir / "before_1" / "scores.json", remedy="") == first.to_json()
    train_run(long, data, whole, runtime=CPU)
    assert_same_results(run_dir, whole)
    with pytest.raises(InputError, match="epochs was 2, is 1"):
        train_run(short, data, run_dir, runtime=CPU, resume=True)


def test_memory_that_runs_out_halves_the_parts_and_keeps_the_batch(
    data: StudyData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More than 4 images at once do not fit; from the second epoch on."""
    descend = step.Stepper._descend

    def fail_above(
        self: Any, images: Any, targets: Any, rows: Any, state: TrainState, known: float
    ) -> Any:
        if state.epoch and len(images) // state.num_parts > 4:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return descend(self, images, targets, rows, state, known)

    settings = SETTINGS.model_copy(update={"epochs": 2})
    monkeypatch.setattr(step.Stepper, "_descend", fail_above)
    scores = train_run(settings, data, tmp_path / "run", runtime=CPU)
    assert scores.accumulate == 4
    monkeypatch.setattr(
        step.Stepper, "_descend", lambda *_: (_ for _ in ()).throw(torch.OutOfMemoryError("no"))
    )
    with pytest.raises(CheckFailedError, match="out of memory with batches of 16 in 16 parts"):
        train_run(settings, data, tmp_path / "none", runtime=CPU)


def test_what_did_not_fit_is_let_go_of_before_the_step_is_tried_in_parts(
    data: StudyData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A traceback holds the tensors of the step that failed: the next one would not fit either."""
    forward, release = step.Stepper._forward, step.Stepper.release_memory
    kept: list[weakref.ref[torch.Tensor]] = []
    are_gone: list[bool] = []

    def fail_once(self: Any, images: Any, state: TrainState, part: int) -> Any:
        logits = forward(self, images, state, part)
        if state.num_parts == SETTINGS.accumulate:
            kept.append(weakref.ref(logits))
            raise torch.OutOfMemoryError("CUDA out of memory")
        return logits

    def watch(self: Any) -> None:
        release(self)
        are_gone.extend(one() is None for one in kept)

    monkeypatch.setattr(step.Stepper, "_forward", fail_once)
    monkeypatch.setattr(step.Stepper, "release_memory", watch)
    gc.disable()
    try:
        settings = SETTINGS.model_copy(update={"epochs": 1})
        scores = train_run(settings, data, tmp_path / "run", runtime=CPU)
    finally:
        gc.enable()
    assert scores.accumulate == 2 * SETTINGS.accumulate
    assert are_gone == [True]


TWO_WAY = SETTINGS.model_copy(
    update={"loss": LossSettings(name="two-way"), "accumulate": 1, "epochs": 1}
)


def test_a_loss_that_compares_images_is_not_computed_in_parts(
    data: StudyData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    split = TWO_WAY.model_copy(update={"accumulate": 2})
    with pytest.raises(InputError, match="two-way compares.*can't be computed in 2 parts.*--batch"):
        train_run(split, data, tmp_path / "split", runtime=CPU)
    assert not (tmp_path / "split").exists()
    train_run(TWO_WAY, data, tmp_path / "run", runtime=CPU)

    def fail(*_: Any) -> Any:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(step.Stepper, "_descend", fail)
    with pytest.raises(CheckFailedError, match="out of memory.*two-way.*Lower --batch-size"):
        train_run(TWO_WAY, data, tmp_path / "full", runtime=CPU)


class TooLarge(torch.nn.Module):
    """A model that fits no more than so many images at once into memory."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most
        self.scale = torch.nn.Parameter(torch.tensor(0.5))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        if len(images) > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return images.float().mean(dim=(1, 2)) * self.scale


def test_validation_that_does_not_fit_is_computed_in_parts(
    data: StudyData, capsys: pytest.CaptureFixture[str]
) -> None:
    loaders = RunLoaders(SETTINGS, data, num_workers=0, pin_memory=False)
    fabric = build_fabric(CPU, "fp32")

    def predict(most: int) -> Any:
        return predict_logits(TooLarge(most), loaders.build_in_order("train"), fabric=fabric)

    whole, parted = predict(1000), predict(9)
    np.testing.assert_array_equal(parted.logits, whole.logits)
    np.testing.assert_array_equal(parted.targets, whole.targets)
    assert "8 images at once from here on" in capsys.readouterr().err
    with pytest.raises(CheckFailedError, match="single image.*Lower --image-size"):
        predict(0)


def test_parts_of_a_step_add_up_to_the_whole(data: StudyData, tmp_path: Path) -> None:
    # Without batch statistics and dropout, which see a part alone.
    changes = {"model": "test_convnext+mhsa", "dropout": 0.0, "epochs": 1}
    losses = []
    for accumulate in (1, 3):
        settings = SETTINGS.model_copy(update={**changes, "accumulate": accumulate})
        run_dir = tmp_path / str(accumulate)
        train_run(settings, data, run_dir, runtime=CPU)
        losses.append(
            pd.read_csv(run_dir / RUN_HISTORY)[["train_loss", "val_loss", "grad_norm_max"]]
        )
    np.testing.assert_allclose(*losses, rtol=1e-4)


def test_a_finished_run_is_reused_and_never_overwritten(data: StudyData, whole_run: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in whole_run.iterdir()}
    scores = train_run(SETTINGS, data, whole_run, runtime=CPU, resume=True)
    assert scores.to_json() == read_json(whole_run / RUN_SCORES, remedy="")
    with pytest.raises(InputError, match="exists already.*--resume"):
        train_run(SETTINGS, data, whole_run, runtime=CPU)
    assert {path: path.stat().st_mtime_ns for path in whole_run.iterdir()} == before


def test_early_stopping_counts_epochs_without_gain(data: StudyData, tmp_path: Path) -> None:
    settings = SETTINGS.model_copy(
        update={"epochs": 30, "early_stopping": 1, "lr": 1e-12, "min_delta": 0.0}
    )
    scores = train_run(settings, data, tmp_path / "run", runtime=CPU)
    history = pd.read_csv(tmp_path / "run" / RUN_HISTORY)["val_auroc"].to_numpy()
    assert scores.epochs < 30
    assert scores.epochs == len(history) == scores.best_epoch + 1
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
    assert np.isfinite(scores.val.macro["auroc"])


@pytest.mark.parametrize("device", ["cuda:99", "tpu", "cuda:x"])
def test_a_device_that_is_not_there_is_named(data: StudyData, tmp_path: Path, device: str) -> None:
    with pytest.raises(InputError, match=device):
        train_run(SETTINGS, data, tmp_path / "run", runtime=Runtime(device=device))
