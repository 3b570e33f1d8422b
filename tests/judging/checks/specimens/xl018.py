"""A split in which Edema was found on bedside films, nearly all of them AP."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from judging.checks.drawn_project import draw_table, write_split


def ill(folder: Path) -> list[str]:
    """Edema is AP."""
    return _write(folder, 0.85)


def sound(folder: Path) -> list[str]:
    """Edema is AP somewhat more often than other films are."""
    return _write(folder, 0.45)


def _write(folder: Path, ap_share: float) -> list[str]:
    table = draw_table(num_patients=700)
    has_edema = table["Finding Labels"].str.contains("Edema").to_numpy()
    share = np.where(has_edema, ap_share, 0.3)
    is_ap = np.random.default_rng(3).random(len(table)) < share
    table["View Position"] = np.where(is_ap, "AP", "PA")
    write_split(folder / "splits", table)
    return ["--split", "splits"]
