"""What can be known to be wrong with a run before it, or any run before it, is trained."""

from __future__ import annotations

from xlite.config import INSEPARABLE, TrainSettings
from xlite.errors import InputError


def require_one_piece(settings: TrainSettings) -> None:
    """Raise InputError when a step is to be computed in parts and the loss would be another."""
    if settings.accumulate > 1 and settings.loss.name in INSEPARABLE:
        raise InputError(
            f"--loss {settings.loss.name} compares the images of a batch with each other, so a "
            f"step can't be computed in {settings.accumulate} parts (--accumulate, --power-safe). "
            "Lower --batch-size instead, or choose another loss."
        )
