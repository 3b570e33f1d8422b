"""What the files of a run are called. Only this room opens them."""

from __future__ import annotations

RUNS = "runs"
"""The folder of runs in an experiments folder."""

RUN_CONFIG = "config.json"
"""What the run is; written once, when it is begun."""
RUN_SITTINGS = "sittings.json"
"""What each process that trained it ran on."""
RUN_HISTORY = "history.csv"
"""A row a finished epoch."""
RUN_LAST = "last.pt"
"""The newest checkpoint."""
RUN_PREVIOUS = "previous.pt"
"""The one before, while the run is unfinished."""
RUN_BEST = "best.safetensors"
"""The weights of the best epoch."""
RUN_THRESHOLDS = "thresholds.json"
"""Calibration and thresholds, fitted on the validation part."""
RUN_TYPICAL_FILMS = "typical_films.safetensors"
"""What is kept of the films of training, to tell films that are unlike them."""
RUN_SCORES = "scores.json"
"""What a finished run has reached; written last."""


def predictions_name(part: str) -> str:
    """The name of a run's predictions file for one part of the split.

    >>> predictions_name("val")
    'predictions_val.csv'
    """
    return f"predictions_{part}.csv"
