"""Predictions of the test part without a quarter of its films, and with thirty of training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from judging.checks.drawn_project import LABELS, draw_table, write_split


def ill(folder: Path) -> list[str]:
    """Some are missing, some are of another part."""
    test, train = _names(folder)
    return _write(folder, [*test[: len(test) * 3 // 4], *train[:30]])


def sound(folder: Path) -> list[str]:
    """All of the test part, and nothing else."""
    return _write(folder, _names(folder)[0])


def _names(folder: Path) -> tuple[list[str], list[str]]:
    write_split(folder / "splits", draw_table(num_patients=300))
    parts = (pd.read_csv(folder / "splits" / f"{name}.csv") for name in ("test", "train"))
    test, train = (part["Image Index"].tolist() for part in parts)
    return test, train


def _write(folder: Path, names: list[str]) -> list[str]:
    rng = np.random.default_rng(7)
    probs = {f"prob_{label}": rng.random(len(names)) for label in LABELS}
    pd.DataFrame({"image_id": names, **probs}).to_csv(folder / "theirs.csv", index=False)
    return ["--predictions", "theirs.csv", "--split", "splits"]
