"""A training list in which images stand as often as their repeat factors for t = 20 %, rounded."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from judging.checks.drawn_project import deal_by_patient, write_parts

FREQUENCIES = {"Hernia": 0.02, "Mass": 0.06, "Edema": 0.12, "Effusion": 0.3}
THRESHOLD = 0.2


def ill(folder: Path) -> list[str]:
    """To the nearest whole number: Edema, rarer than t, is repeated 1.3 times, so not at all."""
    return _write(folder, lambda factors, rng: np.rint(factors))


def sound(folder: Path) -> list[str]:
    """Up or down by chance: each image 1.3 times on average."""
    return _write(folder, lambda factors, rng: np.floor(factors + rng.random(len(factors))))


def _write(folder: Path, round_factors) -> list[str]:
    rng = np.random.default_rng(0)
    patients = np.repeat(np.arange(1500), 2)
    table = pd.DataFrame({"image_id": [f"{n}.png" for n in range(3000)], "patient_id": patients})
    for label, frequency in FREQUENCIES.items():
        table[label] = (rng.random(len(table)) < frequency).astype(int)
    parts = deal_by_patient(table, "patient_id")
    train = parts["train"]
    labels = train[list(FREQUENCIES)].to_numpy()
    factors = np.maximum(1, np.sqrt(THRESHOLD / labels.mean(axis=0)))
    repeats = round_factors(np.maximum(1, (labels * factors).max(axis=1)), rng).astype(int)
    parts["train"] = train.loc[train.index.repeat(repeats)]
    write_parts(folder / "theirs", **parts)
    return ["--split", "theirs"]
