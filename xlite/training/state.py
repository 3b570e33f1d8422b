"""Where a run stands: plain values and tensors, so that a checkpoint loads without running code.

C classes. Random streams need no entry: order, augmentation, dropout and redrawn features are
pure functions of (seed, epoch, position or step), which are in here.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor

PHASES = ("data", "forward", "backward")
"""The parts of a step whose seconds are kept."""


@dataclass
class EpochTally:
    """What the epoch under way has added up, over all processes."""

    num_images: int = 0
    loss_sums: dict[str, float] = field(default_factory=dict)
    """Sum over steps of each component of the loss times the images of the step."""
    num_steps: int = 0
    """Steps whose gradient had a finite norm: all of them but for those that fp16 skips."""
    norm_sum: float = 0.0
    norm_max: float = 0.0
    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(PHASES, 0.0))
    """Of this epoch's training, by phase."""
    logits: list[Tensor] = field(default_factory=list)
    """(B, C) float32 on the CPU, one a step, in the order of the epoch."""
    targets: list[Tensor] = field(default_factory=list)
    """(B, C) int8 to go with them."""

    def add_step(self, components: dict[str, float], logits: Tensor, targets: Tensor) -> None:
        """Count a step in: components by name, and logits and targets (B, C) on any device."""
        count = len(logits)
        self.num_images += count
        for name, value in components.items():
            self.loss_sums[name] = self.loss_sums.get(name, 0.0) + value * count
        self.logits.append(logits.detach().float().cpu())
        self.targets.append(targets.to(torch.int8).cpu())

    def add_norm(self, norm: float) -> None:
        """Count in the norm of a step's gradient, if it is finite."""
        if not math.isfinite(norm):
            return
        self.num_steps += 1
        self.norm_sum += norm
        self.norm_max = max(self.norm_max, norm)


@dataclass(frozen=True)
class EpochReport:
    """What is told of a run after each epoch; seconds are those of all its sittings."""

    epochs_done: int
    best_val_auroc: float | None
    seconds: float


@dataclass
class TrainState:
    """All that the loop carries along, apart from model, optimizer, scaler and weight average."""

    epoch: int = 0
    """The epoch under way, from 0; equal to the number of finished epochs."""
    step: int = 0
    """Finished steps of that epoch; all of them while its validation is due."""
    num_parts: int = 1
    """Parts in which a process computes a step: `accumulate`, doubled when memory ran out."""
    best_score: float = float("nan")
    """The best monitored validation score so far."""
    best_epoch: int = -1
    """The epoch, from 0, whose weights are kept: that which reached it, or the last one, where
    nothing is picked by a score."""
    epochs_without_gain: int = 0
    """Epochs since, for early stopping."""
    plateau_epochs: int = 0
    """Epochs since, or since the last cut of the learning rate."""
    plateau_cuts: int = 0
    """How often the learning rate was cut."""
    seconds: float = 0.0
    """Wall time of training, over all sittings."""
    history: list[dict[str, float]] = field(default_factory=list)
    """One row a finished epoch."""
    tally: EpochTally = field(default_factory=EpochTally)

    @property
    def report(self) -> EpochReport:
        """Where the run stands, between epochs."""
        best = self.history[self.best_epoch] if self.history else {}
        best_val_auroc = best.get("val_auroc")
        return EpochReport(self.epoch, best_val_auroc, round(self.seconds, 3))

    def to_content(self) -> dict[str, Any]:
        """The state as dicts, lists, numbers and tensors."""
        content = asdict(self)
        for name in ("logits", "targets"):
            steps = getattr(self.tally, name)
            content["tally"][name] = [torch.cat(steps)] if steps else []
        return content

    @classmethod
    def from_content(cls, content: dict[str, Any]) -> TrainState:
        """The state that `to_content` described.

        Raises ValueError for values that no training leaves behind, and TypeError for another
        version's.
        """
        state = cls(**{**content, "tally": EpochTally(**content["tally"])})
        state._check()
        return state

    def _check(self) -> None:
        counts = {
            "epoch": self.epoch,
            "step": self.step,
            "num_parts": self.num_parts,
            "epochs_without_gain": self.epochs_without_gain,
            "plateau_epochs": self.plateau_epochs,
            "plateau_cuts": self.plateau_cuts,
        }
        for name, count in counts.items():
            if type(count) is not int or count < (name == "num_parts"):
                raise ValueError(f"{name} is {count!r}")
        if self.epoch != len(self.history):
            raise ValueError(
                f"{self.epoch} epochs are finished, and the history has {len(self.history)}"
            )
        if type(self.best_epoch) is not int or not -1 <= self.best_epoch < max(self.epoch, 1):
            raise ValueError(f"the best epoch is number {self.best_epoch!r} of {self.epoch}")
        if max(self.epochs_without_gain, self.plateau_epochs, self.plateau_cuts) > self.epoch:
            raise ValueError(f"more than {self.epoch} epochs went by without a gain")
