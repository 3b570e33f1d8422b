"""What a finished epoch has come to: the model judged on validation, and the epoch's row."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import torch

from xlite.training.device import measure_peak_memory
from xlite.training.epoch_row import describe_losses, describe_tally, score_epoch
from xlite.training.predict import predict_logits

if TYPE_CHECKING:
    from xlite.signals import StopRequest
    from xlite.training.open_run import OpenRun


def validate(run: OpenRun, stop: StopRequest) -> dict[str, float] | None:
    """The epoch's row of the history, or None when `stop` was set on the way."""
    state, data, stepper = run.state, run.data, run.stepper
    begun = time.monotonic()
    outputs = predict_logits(
        stepper.judged_model, run.val_loader, fabric=run.fabric, should_stop=stop.__bool__
    )
    if outputs is None:
        return None
    tally, train, val = state.tally, data.parts["train"], data.parts["val"]
    rows = run.sampler.drawn_indices(state.epoch)[: tally.num_images]
    train_macro, _ = score_epoch(
        "train",
        torch.cat(tally.targets).numpy(),
        torch.cat(tally.logits).numpy(),
        data.vocabulary,
        train.patient_ids[rows],
    )
    val_macro, val_per_class = score_epoch(
        "val", outputs.targets, outputs.logits, data.vocabulary, val.patient_ids
    )
    losses = stepper.loss.components(
        torch.from_numpy(outputs.logits).to(run.fabric.device),
        torch.from_numpy(outputs.targets).to(run.fabric.device, torch.float32),
        epoch=state.epoch,
    )
    train_seconds = max(sum(tally.seconds.values()), 1e-9)
    validation_seconds = time.monotonic() - begun
    return {
        "epoch": state.epoch + 1,
        "lr": run.settings.lr * run.lr_factor(state.step - 1),
        **describe_tally(tally),
        **describe_losses("val", {name: float(value) for name, value in losses.items()}),
        **train_macro,
        **val_macro,
        **val_per_class,
        "seconds_validation": validation_seconds,
        "seconds": train_seconds + validation_seconds,
        "images_per_second": tally.num_images / train_seconds,
        "peak_memory_mb": measure_peak_memory(run.fabric.device),
    }
