"""What a finished epoch has come to: the model judged on validation, and the epoch's row."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import torch

from xlite.places import VALIDATION
from xlite.run_folder.epoch_predictions import write_epoch_logits
from xlite.training.device import measure_peak_memory
from xlite.training.epoch_row import describe_losses, describe_tally, score_epoch
from xlite.training.predict import predict_logits

if TYPE_CHECKING:
    from torch.utils.data import DataLoader

    from xlite.loading.loader import Batch
    from xlite.signals import StopRequest
    from xlite.training.open_run import OpenRun


def validate(run: OpenRun, stop: StopRequest) -> dict[str, float] | None:
    """The epoch's row of the history, or None when `stop` was set on the way.

    Without a validation part it tells of the training alone.
    """
    state, data = run.state, run.data
    begun = time.monotonic()
    found = _judge_model(run, run.val_loader, stop) if run.val_loader is not None else ({}, {})
    if found is None:
        return None
    val_losses, val_scores = found
    tally, train = state.tally, data.parts["train"]
    rows = run.sampler.drawn_indices(state.epoch)[: tally.num_images]
    train_macro, _ = score_epoch(
        "train",
        torch.cat(tally.targets).numpy(),
        torch.cat(tally.logits).numpy(),
        data.vocabulary,
        train.patient_ids[rows],
    )
    train_seconds = max(sum(tally.seconds.values()), 1e-9)
    validation_seconds = time.monotonic() - begun
    return {
        "epoch": state.epoch + 1,
        "lr": run.settings.lr * run.lr_factor(state.step - 1),
        **describe_tally(tally),
        **val_losses,
        **train_macro,
        **val_scores,
        **run.stepper.objective.describe(),
        "seconds_validation": validation_seconds,
        "seconds": train_seconds + validation_seconds,
        "images_per_second": tally.num_images / train_seconds,
        "peak_memory_mb": measure_peak_memory(run.fabric.device),
    }


def _judge_model(
    run: OpenRun, loader: DataLoader[Batch], stop: StopRequest
) -> tuple[dict[str, float], dict[str, float]] | None:
    """Losses and scores of the judged model on validation, as columns; None when stopped."""
    data, stepper, device = run.data, run.stepper, run.fabric.device
    outputs = predict_logits(
        stepper.judged_model, loader, fabric=run.fabric, should_stop=stop.__bool__
    )
    if outputs is None:
        return None
    if run.fabric.is_global_zero:
        write_epoch_logits(run.run_dir, run.state.epoch + 1, outputs.logits)
    macro, per_class = score_epoch(
        VALIDATION,
        outputs.targets,
        outputs.logits,
        data.vocabulary,
        data.parts[VALIDATION].patient_ids,
    )
    losses = stepper.loss.judge(
        torch.from_numpy(outputs.logits).to(device),
        torch.from_numpy(outputs.targets).to(device, torch.float32),
        epoch=run.state.epoch,
    )
    values = {name: float(value) for name, value in losses.items()}
    return describe_losses(VALIDATION, values), {**macro, **per_class}
