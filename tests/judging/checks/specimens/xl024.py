"""Somebody's predictions, in which Edema has the same prob for every image."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from judging.checks.drawn_project import LABELS, draw_table


def ill(folder: Path) -> list[str]:
    """One column is constant."""
    return _write(folder, {"prob_Edema": 0.0731})


def sound(folder: Path) -> list[str]:
    """All columns vary, if by little."""
    return _write(folder, {})


def _write(folder: Path, constants: dict[str, float]) -> list[str]:
    table = draw_table(num_patients=100)
    table.to_csv(folder / "labels.csv", index=False)
    rng = np.random.default_rng(0)
    probs = {f"prob_{label}": rng.uniform(0.01, 0.03, len(table)) for label in LABELS}
    predictions = pd.DataFrame({"image_id": table["Image Index"], **probs, **constants})
    predictions.to_csv(folder / "theirs.csv", index=False)
    return ["--predictions", "theirs.csv", "--labels", "labels.csv"]
