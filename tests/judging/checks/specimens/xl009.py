"""A split of a rare label: Hernia has fewer than ten films in validation and in test."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from judging.checks.drawn_project import LABELS, draw_table, write_split


def ill(folder: Path) -> list[str]:
    """A label is rare."""
    return _write(folder, 0.015)


def sound(folder: Path) -> list[str]:
    """All labels are common enough."""
    return _write(folder, 0.2)


def _write(folder: Path, prevalence: float) -> list[str]:
    table = draw_table(num_patients=700)
    has_hernia = np.random.default_rng(2).random(len(table)) < prevalence
    texts = table["Finding Labels"]
    with_hernia = np.where(texts == "No Finding", "Hernia", texts + "|Hernia")
    table["Finding Labels"] = np.where(has_hernia, with_hernia, texts)
    write_split(folder / "splits", table, vocabulary=(*LABELS, "Hernia"))
    return ["--split", "splits"]
