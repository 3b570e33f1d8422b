"""A study whose variants get seeds until they are decided, trained and judged for real."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from xlite.errors import InputError
from xlite.judging.choices import read_choices
from xlite.studies.find_study import find_study
from xlite.workflows.study_beginning import begin_study
from xlite.workflows.study_check import check_study

PLAN = """
name = "grown"
[seeds]
until = "decided"
first = 2
max = 3
[settings]
model = "test_resnet"
pretrained = false
image-size = 32
epochs = 1
batch-size = 16
[data]
split = "data/splits"
cache = "data/cache"
[running]
device = "cpu"
workers = 0
[axes]
loss = ["bce", "focal"]
[finally]
compare = true
"""


@pytest.fixture
def home(project: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "home"
    (folder / "data").mkdir(parents=True)
    shutil.copytree(project.split, folder / "data" / "splits")
    shutil.copytree(project.cache, folder / "data" / "cache")
    (folder / "plan.toml").write_text(PLAN)
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.parametrize(("has_hope", "num_seeds"), [(False, 2), (True, 3)])
def test_a_study_ends_when_it_is_decided_or_has_all_seeds(
    home: Path, xlite_ok: Any, monkeypatch: pytest.MonkeyPatch, has_hope: bool, num_seeds: int
) -> None:
    checked = check_study("plan.toml")
    assert (checked.least_runs, checked.most_runs) == (4, 6)
    monkeypatch.setattr("xlite.judging.growth._has_hope", lambda *_: has_hope)
    xlite_ok("study", "run", "plan.toml")
    status = json.loads(xlite_ok("study", "status", "--json").stdout)
    trained = [one["id"] for one in status["items"] if one["id"].startswith("train:")]
    assert len(trained) == 2 * num_seeds
    study = json.loads(Path("experiments/studies/grown/study.json").read_text())
    assert study["state"] == "ended"
    variant = study["experiments"][1]
    why = "last look" if has_hope else "hopeless"
    assert variant["ending"] == f"UNDECIDED ({why}) with {num_seeds} seeds"
    assert variant["seeds"] == list(range(42, 42 + num_seeds))
    assert variant["ending"] in study["tree"][1]["outcome"]
    subjects = [one["subject"] for one in study["decisions"]]
    assert [one for one in subjects if one.startswith("seeds:")] == [
        f"seeds:{count}" for count in range(2, num_seeds + 1)
    ]
    comparison = json.loads(Path("experiments/studies/grown/comparison.json").read_text())
    assert comparison["grown"]["max_seeds"] == 3
    # Each look is in the ledger of choices, by which `compare` knows of it, too.
    noted = [one for one in read_choices(Path("experiments")) if one.growth is not None]
    assert [one.growth.seeds for one in noted if one.growth] == list(range(2, num_seeds + 1))
    assert {one.kind for one in noted} == {"look"}
    compared = xlite_ok("compare", "--split", "data/splits")
    assert "up to 3, and looked at after each" in " ".join(compared.stderr.split())
    # One folder too high, or two: what is meant lies below.
    for folder in ("experiments", "experiments/studies"):
        with pytest.raises(InputError, match=f"{folder} is no study, but .*studies/grown. Pass"):
            find_study(folder, Path("experiments"))
    # The limits belong to the number of looks that was said before the first.
    Path("plan.toml").write_text(PLAN.replace("max = 3", "max = 5"))
    with pytest.raises(InputError, match="looked at with first = 2 and max = 3"):
        begin_study("plan.toml", accept_change=True)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("max = 3", "max = 2", "max takes a whole number from 3 to 24"),
        ("first = 2", "first = 3", "leaves no second look"),
        ('until = "decided"', "", "say until"),
        ('[axes]\nloss = ["bce", "focal"]', '[[experiment]]\nid = "E"', "for the variants of"),
        ("[axes]", "[axes]\nseeds = [7]", "Leave seeds out here"),
    ],
)
def test_a_table_of_seeds_that_makes_no_sense_is_refused(
    home: Path, old: str, new: str, message: str
) -> None:
    Path("plan.toml").write_text(PLAN.replace(old, new))
    with pytest.raises(InputError, match=message):
        check_study("plan.toml")
