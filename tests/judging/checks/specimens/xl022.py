"""A split made with `fillna(0)`: what the table leaves open is 0 in it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from judging.checks.drawn_project import deal_by_patient, draw_table, write_parts

from xlite.tables.sources.chexpert import LABELS


def ill(folder: Path) -> list[str]:
    """What is open became 0."""
    table = _draw(folder)
    write_parts(folder / "theirs", **deal_by_patient(table.fillna(0).replace(-1, 0), "patient"))
    return ["--split", "theirs", "--labels", "labels.csv"]


def sound(folder: Path) -> list[str]:
    """What is open stays open."""
    write_parts(folder / "theirs", **deal_by_patient(_draw(folder), "patient"))
    return ["--split", "theirs", "--labels", "labels.csv"]


def ill_by_uncertain_ones(folder: Path) -> list[str]:
    """CheXpert's table, of which a -1 became 0, as a blank did."""
    table = _draw_chexpert(folder)
    write_parts(folder / "theirs", **deal_by_patient(table.fillna(0).replace(-1, 0), "Age"))
    return ["--split", "theirs", "--labels", "labels.csv"]


def sound_by_convention(folder: Path) -> list[str]:
    """CheXpert's table, whose blanks mean absent, with -1 left open."""
    write_parts(folder / "theirs", **deal_by_patient(_draw_chexpert(folder).fillna(0), "Age"))
    return ["--split", "theirs", "--labels", "labels.csv"]


def _draw_chexpert(folder: Path) -> pd.DataFrame:
    """Its header and its ways; a patient is told by the age alone, which the table here has."""
    rng, patients = np.random.default_rng(7), np.repeat(np.arange(200), 2)
    studies = np.tile([1, 2], 200)
    names = [
        f"CheXpert-v1.0-small/train/patient{patient:05}/study{study}/view1_frontal.jpg"
        for patient, study in zip(patients, studies, strict=True)
    ]
    table = pd.DataFrame({"Path": names, "Sex": "Male", "Age": patients, "AP/PA": "AP"})
    for label in LABELS:
        table[label] = rng.choice([1.0, 0.0, -1.0, np.nan], len(table), p=[0.2, 0.1, 0.1, 0.6])
    table.to_csv(folder / "labels.csv", index=False)
    return table


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
