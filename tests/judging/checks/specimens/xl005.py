"""Somebody's test predictions, beside thresholds that are the best there are for these images."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
from judging.checks.drawn_project import draw_table

from xlite.scores.thresholded import fit_f1_thresholds

LABELS = ("Mass", "Edema", "Effusion", "Nodule", "Hernia")


def ill(folder: Path) -> list[str]:
    """Fitted on the test images."""
    return _write(folder, fitted_on=1)


def sound(folder: Path) -> list[str]:
    """Fitted on as many others."""
    return _write(folder, fitted_on=0)


def _write(folder: Path, *, fitted_on: int) -> list[str]:
    tables = [draw_table(seed, num_patients=300, labels=LABELS) for seed in (0, 1)]
    drawn = [_draw_probs(table, seed) for seed, table in enumerate(tables)]
    targets, probs = drawn[fitted_on]
    thresholds = fit_f1_thresholds(targets, probs)
    judged, shown = tables[1], drawn[1][1]
    judged.to_csv(folder / "labels.csv", index=False)
    columns = {f"prob_{label}": shown[:, column] for column, label in enumerate(LABELS)}
    predictions = pd.DataFrame({"image_id": judged["Image Index"], **columns})
    predictions.to_csv(folder / "test_predictions.csv", index=False)
    named = dict(zip(LABELS, thresholds.tolist(), strict=True))
    (folder / "thresholds.json").write_text(json.dumps(named))
    return ["--predictions", "test_predictions.csv", "--labels", "labels.csv"]


def _draw_probs(table: pd.DataFrame, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    texts = table["Finding Labels"].str.split("|")
    targets = np.array([[label in names for label in LABELS] for names in texts], dtype=np.int8)
    logits = rng.normal(size=targets.shape) + 1.5 * targets - 1.5
    return targets, 1 / (1 + np.exp(-logits))
