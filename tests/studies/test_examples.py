"""The plans of examples/studies: each is sound in a project with the splits that it names."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from xlite.labels import NIH_LABELS
from xlite.studies.plan_file import parse_plan, read_plan
from xlite.workflows.study_check import check_study

STUDIES = Path(__file__).parents[2] / "examples" / "studies"
PLANS = sorted(STUDIES.glob("*.toml"))
LINE = 112


@pytest.fixture(scope="module")
def studied(tmp_path_factory: pytest.TempPathFactory, xlite_ok: Any) -> Path:
    """A project in NIH's format: every label in each part, and the files that plans name."""
    folder = tmp_path_factory.mktemp("studied")
    draws = np.random.default_rng(0)
    has = draws.random((1500, len(NIH_LABELS))) < 0.08
    found = ["|".join(np.array(NIH_LABELS)[row]) or "No Finding" for row in has]
    pd.DataFrame(
        {
            "Image Index": [f"{number}.png" for number in range(len(found))],
            "Finding Labels": found,
            "Patient ID": [number // 2 for number in range(len(found))],
            "Patient Age": 50,
            "Patient Gender": "F",
            "View Position": draws.choice(["PA", "AP"], len(found)),
        }
    ).to_csv(folder / "labels.csv", index=False)
    for name, more in (
        ("splits", ()),
        ("splits_view", ("--seed", 1)),
        ("splits_fifth", ("--subset", 0.2)),
        ("splits_handful", ("--subset", 0.1)),
    ):
        xlite_ok("split", "--labels", folder / "labels.csv", *more, "--out", folder / "data" / name)
    (folder / "weights").mkdir()
    (folder / "weights" / "baseline.safetensors").write_bytes(b"weights")
    for name in ("clahe_cache", "images"):
        (folder / "data" / name).mkdir()
    return folder


def test_there_are_five() -> None:
    assert [path.name[0] for path in PLANS] == ["a", "b", "c", "d", "e"]


@pytest.mark.parametrize("path", PLANS, ids=lambda path: path.stem)
def test_a_plan_is_sound(path: Path, studied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(studied)
    found = check_study(path)
    assert found.tree
    assert found.least_runs > 0
    assert found.question


@pytest.mark.parametrize("path", PLANS, ids=lambda path: path.stem)
def test_a_plan_says_first_what_it_does_and_how_it_is_run(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    head = text.split("\n\n")[0]
    assert re.match(r"# [A-E]\. ", head)
    assert f"xlite study run examples/studies/{path.name}" in head
    assert "# Needs: " in head
    assert all(len(line) <= LINE + 8 for line in text.splitlines())


def test_each_part_of_a_tree_is_named_in_the_table_of_its_plan(
    studied: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(studied)
    for path in PLANS:
        source = read_plan(path)
        head = source.text.split("\n\n")[0]
        plan = parse_plan(source.text, source.base, where=path.name)
        for one in plan.experiments:
            assert one.id.partition("=")[0] in head, (path.name, one.id)
