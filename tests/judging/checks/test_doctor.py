"""`xlite doctor`: what it finds and refuses, and what the report shows of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from judging.checks.drawn_project import draw_table, write_run, write_split


def write_project(folder: Path) -> Path:
    """A split with too few Edema, and a run on it."""
    split = write_split(folder / "data" / "splits", draw_table(num_patients=40))
    return write_run(folder / "experiments" / "runs" / "resnet:s0", split)


def test_the_report_shows_the_issues_and_which_runs_nobody_looked_at(
    tmp_path: Path, xlite: Any, xlite_ok: Any
) -> None:
    write_project(tmp_path)
    page = tmp_path / "report.html"
    places = ("--experiments", tmp_path / "experiments", "--split", tmp_path / "data" / "splits")
    xlite_ok("report", "--out", page, *places)
    assert "Nobody has looked for the faults" in page.read_text()
    assert xlite("doctor", tmp_path).exit_code == 1
    xlite_ok("report", "--out", page, *places)
    text = page.read_text()
    assert "<strong>too few positives to judge by</strong>" in text
    assert "has not looked at" not in text
    write_run(tmp_path / "experiments/runs/new:s1", tmp_path / "data" / "splits", seed=1)
    xlite_ok("report", "--out", page, *places)
    assert "It has not looked at 1 of 2 runs" in page.read_text()


def test_somebody_elses_file_is_not_replaced(tmp_path: Path, xlite: Any) -> None:
    write_project(tmp_path)
    theirs = tmp_path / "experiments" / "diagnosis.json"
    theirs.write_text("of a patient")
    result = xlite("doctor", tmp_path)
    assert "was not kept for the report" in result.stderr
    assert theirs.read_text() == "of a patient"


def test_an_issue_that_is_lived_with_is_left_out(tmp_path: Path, xlite_ok: Any) -> None:
    write_project(tmp_path)
    said = json.loads(xlite_ok("doctor", tmp_path, "--ignore", "XL009", "--json").stdout)
    assert said["ignored"] == ["XL009"]
    assert "XL009" not in {one["code"] for one in said["findings"]}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["empty"], "empty holds nothing to look at"),
        (["absent"], "absent does not exist"),
        (["--split", "empty"], "empty holds no split"),
        (["--predictions", "absent.csv"], "absent.csv does not exist"),
        (["--run", "empty"], "empty is no run folder"),
        (["empty", "--split", "empty"], "exclude each other"),
        (["--ignore", "XL9"], "there is no such check"),
    ],
)
def test_what_can_not_be_looked_at_is_refused(
    words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, xlite: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    result = xlite("doctor", *words)
    assert result.exit_code == 2
    assert said in result.stderr


def test_a_damaged_run_is_an_issue_and_ends_nothing(tmp_path: Path, xlite: Any) -> None:
    run = write_project(tmp_path)
    (run / "predictions_val.csv").write_bytes(b"\xff\xfe\x00")
    (run / "history.csv").write_text("epoch\n")
    said = json.loads(xlite("doctor", tmp_path, "--json").stdout)
    ills = [one for one in said["findings"] if one["status"] == "issue" and one["code"] == "XL000"]
    assert [one["numbers"]["faults"] for one in ills] == [2]


@pytest.mark.parametrize("fault", ["folder", "loop", "other columns"])
def test_a_part_that_is_none_is_an_issue_and_ends_nothing(
    fault: str, tmp_path: Path, xlite: Any
) -> None:
    write_project(tmp_path)
    part = tmp_path / "data" / "splits" / "train.csv"
    part.unlink()
    if fault == "folder":
        part.mkdir()
    elif fault == "loop":
        part.symlink_to(part.name)
    else:
        part.write_text("image,patient,Mass\na,1,1\n")
    result = xlite("doctor", tmp_path, "--json")
    assert result.exit_code == 1
    found = json.loads(result.stdout)["findings"]
    assert ("XL000", "issue") in {(one["code"], one["status"]) for one in found}
