"""Somebody's "validation" predictions, which are of the images of training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from judging.checks.drawn_project import LABELS, deal_by_patient, draw_table, write_parts


def ill(folder: Path) -> list[str]:
    """Images of training."""
    return _write(folder, "train")


def sound(folder: Path) -> list[str]:
    """Images of validation."""
    return _write(folder, "val")


def _write(folder: Path, part: str) -> list[str]:
    parts = deal_by_patient(draw_table(num_patients=200))
    write_parts(folder / "splits", **parts)
    rng = np.random.default_rng(0)
    probs = {f"prob_{label}": rng.random(len(parts[part])) for label in LABELS}
    predictions = pd.DataFrame({"image_id": parts[part]["Image Index"], **probs})
    predictions.to_csv(folder / "predictions_val.csv", index=False)
    return ["--predictions", "predictions_val.csv", "--split", "splits"]
