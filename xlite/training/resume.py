"""Everything that continuing a run needs.

The checkpoint names each thing that the next step depends on: weights and buffers, optimizer,
scheduler, gradient scaler, and `TrainState`. Random streams need no entry: order, augmentation
and dropout are pure functions of (seed, epoch, position), all of which are in here.
"""

from __future__ import annotations

import pickle
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import torch

from xlite.artifacts import atomic_path
from xlite.errors import InputError


@dataclass
class TrainState:
    """Where training stands; plain values, so that the checkpoint loads without running code."""

    epoch: int = 0
    """The epoch under way, from 0; equal to the number of finished epochs."""
    step: int = 0
    """Finished steps of that epoch."""
    loss_sum: float = 0.0
    """Sum over those steps of loss times images."""
    num_images: int = 0
    """Images of those steps."""
    best_metric: float = float("-inf")
    """Highest validation macro AUROC so far."""
    best_epoch: int = -1
    """The epoch, from 0, that reached it."""
    epochs_without_gain: int = 0
    """Epochs since, for early stopping."""
    seconds: float = 0.0
    """Wall time of training, over all sittings."""
    history: list[dict[str, float]] = field(default_factory=list)
    """One row a finished epoch."""

    def is_finished(self, *, epochs: int, early_stopping: int) -> bool:
        """Whether no further epoch is to be trained."""
        return self.epoch >= epochs or self.epochs_without_gain >= early_stopping


def save_checkpoint(
    path: Path, *, parts: dict[str, Any], state: TrainState, fingerprint: str
) -> None:
    """Write a checkpoint atomically: `parts` by name, each by its `state_dict()`."""
    content: dict[str, Any] = {name: part.state_dict() for name, part in parts.items()}
    content["state"] = asdict(state)
    content["fingerprint"] = fingerprint
    with atomic_path(path) as temporary:
        torch.save(content, temporary)


def load_checkpoint(path: Path, *, parts: dict[str, Any], fingerprint: str) -> TrainState:
    """Restore each of `parts` from a checkpoint and return where training stood.

    Raises InputError for a file that is damaged, would run code, or belongs to other settings.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        raise InputError(
            f"checkpoint {path} can't be read ({reason}). It is damaged, or not xlite's: delete "
            "it to train this run from its start."
        ) from None
    missing = {*parts, "state", "fingerprint"} - set(content if isinstance(content, dict) else ())
    if missing:
        raise InputError(
            f"checkpoint {path} has no {', '.join(sorted(missing))}: it was not written by xlite. "
            "Delete it to train this run from its start."
        )
    if content["fingerprint"] != fingerprint:
        raise InputError(
            f"checkpoint {path} belongs to other settings or other data (fingerprint "
            f"{content['fingerprint']}, now {fingerprint}). Use another --out."
        )
    for name, part in parts.items():
        part.load_state_dict(content[name])
    return TrainState(**content["state"])


class StopRequest:
    """Whether SIGINT or SIGTERM has asked for an end; a second SIGINT ends at once."""

    def __init__(self) -> None:
        self.signal_number: int | None = None

    def __bool__(self) -> bool:
        return self.signal_number is not None

    def receive(self, signal_number: int, _: FrameType | None) -> None:
        """Note the signal (a handler for `signal.signal`)."""
        if self.signal_number is not None and signal_number == signal.SIGINT:
            raise KeyboardInterrupt
        self.signal_number = signal_number


@contextmanager
def catch_stop_signals() -> Iterator[StopRequest]:
    """Within the block, SIGINT and SIGTERM are noted instead of ending the process.

    Only the main thread can receive signals; in another the request stays unset.
    """
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    numbers = (signal.SIGINT, signal.SIGTERM)
    previous = {number: signal.signal(number, request.receive) for number in numbers}
    try:
        yield request
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
