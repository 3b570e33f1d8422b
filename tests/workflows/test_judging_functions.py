"""`compare`, `report` and `add_to_log` as functions: the files of the commands, from Python."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from xlite.errors import InputError
from xlite.results.comparison import Comparison
from xlite.workflows.compare import compare
from xlite.workflows.log import add_to_log
from xlite.workflows.report import report


def contents(folder: Path) -> dict[str, bytes]:
    """Bytes by path, but for when and by which command something was judged."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix != ".lock":
            content = path.read_bytes()
            if path.name == "comparison.json":
                value = json.loads(content)
                content = json.dumps(value | {"time": "", "command": ""}).encode()
            if path.name == "val_choices.json":
                choices = [
                    one | {"time": "", "command": ""} for one in json.loads(content)["choices"]
                ]
                content = json.dumps(choices).encode()
            found[path.relative_to(folder).as_posix()] = content
    return found


def test_compare_leaves_the_files_of_the_command(golden: Path, xlite_ok: Any) -> None:
    xlite_ok("compare", "--split", "splits", "--by", "val.f1")
    by_command = contents(golden / "experiments")
    for name in ("comparison.csv", "val_choices.json"):
        (golden / "experiments" / name).unlink()
    found = compare(split="splits", by="val.f1", out=golden / "experiments", command="mine")
    (golden / "experiments/EXPERIMENT_LOG.md").unlink()
    assert contents(golden / "experiments") == by_command
    assert found.command == "mine"
    assert found.order == ("val.f1", "val.average_precision", "val.recall")
    read = Comparison.read(golden / "experiments/comparison.json", remedy="")
    assert read.to_json() == found.to_json()


def test_without_out_nothing_is_written(golden: Path) -> None:
    before = contents(golden)
    found = compare(split="splits")
    assert len(found.rows) == 2
    assert list(found.to_frame()["name"]) == [row.name for row in found.rows]
    assert contents(golden) == before


def test_runs_and_data_frames_are_compared_by_name(golden: Path) -> None:
    run, _ = sorted(golden.glob("experiments/runs/*"))
    theirs = pd.read_csv(run / "predictions_val.csv")
    found = compare({"ours": run, "theirs": theirs}, split="splits")
    assert {row.name for row in found.rows} == {"ours", "theirs"}
    assert found.runs == {"ours": {0: run.name}}
    [other] = found.others
    assert other.change == 0
    with pytest.raises(InputError, match="only .* is there to compare"):
        compare(run, split="splits")
    with pytest.raises(InputError, match=r"theirs: 1 of 16 images"):
        compare({"ours": run, "theirs": theirs[1:]}, split="splits")


def test_a_report_is_the_page_of_the_command(golden: Path, xlite_ok: Any) -> None:
    arguments = ("--split", "splits", "--cache", "cache")
    xlite_ok("report", *arguments)
    by_command = (golden / "report.html").read_bytes()
    page = report(split="splits", cache="cache")
    assert (golden / "report.html").read_bytes() == by_command
    assert page.bytes == len(by_command)
    present = {section.key: section.present for section in page.sections}
    assert present["ablation"]
    assert not present["balance"]
    with pytest.raises(InputError, match="'nobody' is no finished run"):
        report(split="splits", runs=["nobody"])


def test_remarks_go_into_the_log(golden: Path) -> None:
    update = add_to_log(ablation="experiments/ablation.json", decision="keep bce")
    assert update.log == "EXPERIMENT_LOG.md"
    assert f"| {update.id} |" in (golden / update.log).read_text()
    assert "Decision: keep bce" in (golden / update.log).read_text()
    with pytest.raises(InputError, match="--run and --id exclude each other"):
        add_to_log(run="one", record="EXP-001")
