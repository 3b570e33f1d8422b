"""Predictions of eight processes, which filled their last round with the first five images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from judging.checks.drawn_project import LABELS, draw_table


def ill(folder: Path) -> list[str]:
    """Five images stand in the file twice."""
    return _write(folder, extra=5)


def sound(folder: Path) -> list[str]:
    """Each image once."""
    return _write(folder, extra=0)


def _write(folder: Path, *, extra: int) -> list[str]:
    table = draw_table(num_patients=100).iloc[:251]
    table.to_csv(folder / "labels.csv", index=False)
    rng = np.random.default_rng(0)
    probs = {f"prob_{label}": rng.random(len(table)) for label in LABELS}
    predictions = pd.DataFrame({"image_id": table["Image Index"], **probs})
    predictions = pd.concat([predictions, predictions.iloc[:extra]])
    predictions.to_csv(folder / "theirs.csv", index=False)
    return ["--predictions", "theirs.csv", "--labels", "labels.csv"]
