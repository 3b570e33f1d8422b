"""A run's `history.csv` as text, so that only what is recomputed changes in it."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path

from xlite.errors import InputError
from xlite.files import write_text
from xlite.proving.agreement import DIGITS
from xlite.run_folder.file_names import RUN_HISTORY


def read_cells(run_dir: Path) -> list[dict[str, str]]:
    """The rows as text by column."""
    text = (run_dir / RUN_HISTORY).read_text(encoding="utf-8")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def write_scores(run_dir: Path, epoch: int, scores: Mapping[str, float]) -> None:
    """Write the scores, by column, into the row of an epoch, from 1, at ten digits."""
    rows = read_cells(run_dir)
    if not 1 <= epoch <= len(rows):
        raise InputError(f"{run_dir / RUN_HISTORY} has no epoch {epoch}.")
    for name, value in scores.items():
        if name in rows[epoch - 1]:
            rows[epoch - 1][name] = "" if value != value else f"{value:.{DIGITS}g}"
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(run_dir / RUN_HISTORY, text.getvalue())
