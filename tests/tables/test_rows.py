"""Rows that a split leaves out, and what is known of those that it keeps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from xlite.splitting.checked_split import read_checked_split
from xlite.splitting.folds import make_folds
from xlite.splitting.split import split_by_patient
from xlite.tables.table_format import TableFormat


@pytest.fixture
def table(project: Any, tmp_path: Path) -> Path:
    """The project's table with a column of its own."""
    raw = pd.read_csv(project.table)
    path = tmp_path / "table.csv"
    raw.assign(Room=[f"room {row % 3}" for row in range(len(raw))]).to_csv(path, index=False)
    return path


def test_a_split_of_some_rows_is_checked_against_the_whole_table(
    table: Path, xlite: Any, tmp_path: Path
) -> None:
    out = tmp_path / "split"
    made = xlite("split", "--labels", table, "--out", out, "--views", "PA", "--stratify", "Room")
    assert made.exit_code == 0
    assert "images count with --views PA" in made.output
    upright = pd.read_csv(table)["View Position"] == "PA"
    split = read_checked_split(out, table)
    assert sum(map(len, split.parts.values())) == upright.sum()
    assert all((part.table["view"] == "PA").all() for part in split.parts.values())


@pytest.mark.parametrize("is_folded", [False, True])
def test_the_rows_of_the_parts_are_those_of_the_whole_table(table: Path, is_folded: bool) -> None:
    layout = TableFormat(views="AP", one_per_patient=True)
    names = pd.read_csv(table)["Image Index"].to_numpy()
    if is_folded:
        found = make_folds(table, folds=2, val=None, table_format=layout).rows[0]
    else:
        found = split_by_patient(table, table_format=layout).rows
    raw = pd.read_csv(table)
    kept = raw[raw["View Position"] == "AP"].drop_duplicates("Patient ID")["Image Index"]
    assert sorted(name for rows in found.values() for name in names[rows]) == sorted(kept)


def test_what_is_held_out_is_found_among_the_rows_that_count(table: Path) -> None:
    layout = TableFormat(views="PA")
    made = split_by_patient(table, hold_out="Room=room 1", table_format=layout)
    raw = pd.read_csv(table)
    assert set(made.rows["test"]) == set(
        raw.index[(raw["View Position"] == "PA") & (raw["Room"] == "room 1")]
    )


def test_an_audit_looks_at_the_rows_that_count(table: Path, xlite: Any, tmp_path: Path) -> None:
    other = tmp_path / "other.csv"
    raw = pd.read_csv(table)
    raw.assign(**{"Image Index": "x" + raw["Image Index"]}).to_csv(other, index=False)
    audit = xlite("split", "--audit", table, other, "--views", "AP", "--json")
    parts = json.loads(audit.stdout)["parts"]
    assert {part["images"] for part in parts.values()} == {
        int((raw["View Position"] == "AP").sum())
    }
