"""A scaler of the patients' age that was fitted before the table was split."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
from judging.checks.drawn_project import deal_by_patient, draw_table, write_parts


def ill(folder: Path) -> list[str]:
    """Mean and standard deviation of all parts."""
    table, parts = _draw()
    return _write(folder, parts, table)


def sound(folder: Path) -> list[str]:
    """Those of training."""
    _, parts = _draw()
    return _write(folder, parts, parts["train"])


def _draw() -> tuple[pd.DataFrame, dict[str, pd.DataFrame]]:
    table = draw_table(num_patients=200)
    return table, deal_by_patient(table)


def _write(folder: Path, parts: dict[str, pd.DataFrame], fitted_on: pd.DataFrame) -> list[str]:
    write_parts(folder / "splits", **parts)
    age = fitted_on["Patient Age"]
    scaler = {
        "feature_names_in_": ["age"],
        "mean_": [round(age.mean(), 6)],
        "scale_": [round(age.std(ddof=0), 6)],
        "n_samples_seen_": len(age),
    }
    (folder / "splits" / "scaler.json").write_text(json.dumps(scaler))
    return ["--split", "splits"]
