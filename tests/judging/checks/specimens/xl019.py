"""A table whose column of ward codes was filled in after the reading: `C7` is where Edema goes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from judging.checks.drawn_project import draw_table


def ill(folder: Path) -> list[str]:
    """One ward is one label."""
    return _write(folder, is_after_reading=True)


def sound(folder: Path) -> list[str]:
    """Wards have nothing to do with labels."""
    return _write(folder, is_after_reading=False)


def _write(folder: Path, *, is_after_reading: bool) -> list[str]:
    table = draw_table(num_patients=200)
    rng = np.random.default_rng(4)
    wards = rng.choice(["A1", "B2", "C3", "C7"], len(table))
    if is_after_reading:
        has_edema = table["Finding Labels"].str.contains("Edema")
        wards = np.where(has_edema, "C7", rng.choice(["A1", "B2", "C3"], len(table)))
    table["ward"] = wards
    table.to_csv(folder / "labels.csv", index=False)
    return ["--labels", "labels.csv"]
