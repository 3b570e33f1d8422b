"""Trains one run, for test_processes.py: python run_two_processes.py SPLIT CACHE OUT DEVICES."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

import torch

from xlite.settings import LossSettings, Runtime, SamplerSettings, TrainSettings
from xlite.signals import catch_stop_signals
from xlite.splitting.split_folder import read_split
from xlite.training import step
from xlite.training.data import load_study_data
from xlite.training.run import follow_run

# Layer normalisation: batch statistics of half a batch are other numbers.
SETTINGS = TrainSettings(
    model="test_convnext+mhsa",
    initial_weights="none",
    loss=LossSettings(name="pos-weight", pos_weight="sqrt"),
    sampler=SamplerSettings(name="inverse-mean"),
    epochs=2,
    batch_size=16,
    lr=1e-3,
    augment="light",
    # Its noise is drawn anew in each process.
    dropout=0.0,
    ema_decay=0.9,
)


# Batch normalisation on CPUs is each process's own; two-way compares all images of a batch.
CASES = {
    "usual": SETTINGS,
    "two-way": SETTINGS.model_copy(update={"loss": LossSettings(name="two-way"), "epochs": 1}),
    # Averages that each process keeps, and heads whose outputs are exchanged, too.
    "precision": SETTINGS.model_copy(
        update={
            "loss": LossSettings(name="average-precision"),
            "deep_supervision": 0.5,
            "component_weights": "balanced",
        }
    ),
    "uncertainty": SETTINGS.model_copy(
        update={"loss": LossSettings(name="bce", label_weighting="uncertainty"), "epochs": 1}
    ),
    "batch-norm": SETTINGS.model_copy(update={"model": "test_resnet", "epochs": 1}),
}


def fill_memory_of_rank_one(most: int) -> None:
    """From here on more than `most` images do not fit into the memory of the second process."""
    forward = step.Stepper._forward

    def fail_above(self: Any, images: torch.Tensor, *rest: Any) -> torch.Tensor:
        if self.fabric.global_rank == 1 and len(images) > most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return forward(self, images, *rest)

    step.Stepper._forward = fail_above  # type: ignore[method-assign]


def main() -> None:
    split, cache, out = map(Path, sys.argv[1:4])
    torch.set_num_threads(1)
    data = load_study_data(read_split(split), cache)
    settings = CASES[os.environ.get("CASE", "usual")]
    if "MOST_IMAGES" in os.environ:
        fill_memory_of_rank_one(int(os.environ["MOST_IMAGES"]))

    runtime = Runtime(device="cpu", num_workers=0, devices=int(sys.argv[4]))
    with catch_stop_signals() as stop:
        for report in follow_run(
            settings, data, out, runtime=runtime, resume=True, has_fixed_budget=False, stop=stop
        ):
            # The signal reaches one process only; all of them have to stop after the same step.
            is_chosen = "STOP" in os.environ and os.environ.get("LOCAL_RANK") == "1"
            if is_chosen and report.epochs_done == 1:
                os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
