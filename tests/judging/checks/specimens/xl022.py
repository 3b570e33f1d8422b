"""A split made with `fillna(0)`: what the table leaves open is 0 in it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from judging.checks.drawn_project import deal_by_patient, draw_table, write_parts


def ill(folder: Path) -> list[str]:
    """What is open became 0."""
    table = _draw(folder)
    write_parts(folder / "theirs", **deal_by_patient(table.fillna(0).replace(-1, 0), "patient"))
    return ["--split", "theirs", "--labels", "labels.csv"]


def sound(folder: Path) -> list[str]:
    """What is open stays open."""
    write_parts(folder / "theirs", **deal_by_patient(_draw(folder), "patient"))
    return ["--split", "theirs", "--labels", "labels.csv"]


def _draw(folder: Path) -> pd.DataFrame:
    table = draw_table(num_patients=300)
    rng = np.random.default_rng(6)
    theirs = pd.DataFrame({"image": table["Image Index"], "patient": table["Patient ID"]})
    for label in ("Mass", "Edema"):
        is_there = table["Finding Labels"].str.contains(label).astype(float)
        is_open = rng.random(len(table))
        theirs[label] = np.where(is_open < 0.1, np.nan, np.where(is_open < 0.15, -1, is_there))
    theirs.to_csv(folder / "labels.csv", index=False)
    return theirs
