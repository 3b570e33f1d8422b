"""Somebody's split, in which four patients of training are in validation, written `7.0` there."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from judging.checks.drawn_project import deal_by_patient, draw_table, write_parts


def ill(folder: Path) -> list[str]:
    """Four patients are on two sides."""
    parts = _deal()
    moved = parts["train"]["subject"].unique()[:4]
    is_moved = parts["train"]["subject"].isin(moved)
    others = parts["train"][is_moved].assign(path=lambda rows: "again/" + rows["path"])
    val = pd.concat([parts["val"], others])
    parts["val"] = val.assign(subject=val["subject"].astype(float))
    write_parts(folder / "theirs", **parts)
    return ["--split", "theirs"]


def sound(folder: Path) -> list[str]:
    """Each patient is on one, though one file writes them as floats."""
    parts = _deal()
    parts["val"] = parts["val"].assign(subject=parts["val"]["subject"].astype(float))
    write_parts(folder / "theirs", **parts)
    return ["--split", "theirs"]


def _deal() -> dict[str, pd.DataFrame]:
    table = draw_table(num_patients=200)
    theirs = pd.DataFrame(
        {
            "path": [f"scan_{row}.png" for row in range(len(table))],
            "subject": table["Patient ID"],
            "Mass": table["Finding Labels"].str.contains("Mass").astype(int),
            "Edema": table["Finding Labels"].str.contains("Edema").astype(int),
        }
    )
    return deal_by_patient(theirs, "subject")
