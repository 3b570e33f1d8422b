"""What pooled out-of-fold predictions are of, kept beside them in `out_of_fold.json`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from xlite.results import Result


@dataclass(frozen=True, kw_only=True)
class OutOfFold(Result):
    """Predictions of every image by the run that was trained without it."""

    name: str
    """What the runs are called, without the fold."""
    model: str
    seed: int
    repeat: int
    """From 0: how often all images had been dealt to folds before."""
    images: int
    patients: int
    runs: dict[int, str]
    """The run folder of each fold by its number."""
    predictions: str
    """SHA-256 of the predictions file."""


@dataclass(frozen=True, kw_only=True)
class PooledFile:
    """Where pooled predictions lie, and what they are of."""

    path: Path
    record: OutOfFold
