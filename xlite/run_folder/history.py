"""`history.csv`: one row a finished epoch, all that is worth plotting."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from xlite.errors import InputError
from xlite.files import atomic_path, write_table
from xlite.records import read_rows
from xlite.run_folder.file_names import RUN_HISTORY

MACHINE_COLUMNS = (
    "seconds",
    "seconds_data",
    "seconds_forward",
    "seconds_backward",
    "seconds_validation",
    "images_per_second",
    "peak_memory_mb",
)
"""Columns that tell of the machine, not of the result: the only ones that a resume may change."""


def read_history(run_dir: Path, *, remedy: str) -> list[dict[str, float]]:
    """A row a finished epoch, NaN for an empty cell; none before the first.

    Raises InputError, which ends in `remedy`, for a file that is damaged.
    """
    path = run_dir / RUN_HISTORY
    if not os.path.lexists(path):
        return []
    rows = read_rows(path, ["epoch", "train_loss"], remedy=remedy)
    try:
        return [
            {name: float(text) if text else math.nan for name, text in row.items()} for row in rows
        ]
    except ValueError as error:
        raise InputError(f"{path} has what is no number ({error}). {remedy}") from None


def write_history(run_dir: Path, rows: Sequence[Mapping[str, float]]) -> None:
    """Write the rows as CSV, atomically; whatever the file held is replaced."""
    import pandas as pd

    with atomic_path(run_dir / RUN_HISTORY) as temporary:
        write_table(temporary, pd.DataFrame(list(rows)), float_format=None)
