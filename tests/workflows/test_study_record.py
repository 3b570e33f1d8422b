"""A study's record and its section of the log follow the ledger, whoever writes it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from xlite.results.study import Study
from xlite.studies.folder import StudyFolder
from xlite.studies.ledger_entries import Claim, End, Score
from xlite.workflows.log import add_to_log
from xlite.workflows.report import report
from xlite.workflows.study_answer import answer_question
from xlite.workflows.study_beginning import begin_study
from xlite.workflows.study_record import record_study

PLAN = """
name = "toy"
question = "Does dropout help?"
seeds = [0]
[settings]
model = "test_resnet"
pretrained = false
[data]
split = "data/splits"
[[experiment]]
id = "E1"
[[experiment]]
id = "E2"
set = {dropout = 0.3}
[[ask]]
id = "choose"
question = "Which one?"
after = ["E1"]
choices = {"best: E1" = {winner = "E1"}, "more" = {then = ["E2"]}}
"""


@pytest.fixture
def study(project: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StudyFolder:
    """A study whose first experiment has ended, without a run of it."""
    shutil.copytree(project.split, tmp_path / "data" / "splits")
    (tmp_path / "plan.toml").write_text(PLAN)
    monkeypatch.chdir(tmp_path)
    folder = begin_study("plan.toml")
    folder.ledger.refresh()
    for item in ("train:E1:s0", "judge:E1"):
        scores = {"val.auroc": Score(point=0.7)}
        assert folder.ledger.append(Claim(at="2026-01-01T00:00", agent="a", item=item))
        assert folder.ledger.append(
            End(
                at="2026-01-01T00:01",
                agent="a",
                item=item,
                outcome="finished",
                run="runs/x",
                scores=scores,
            )
        )
    return folder


def test_the_record_follows_the_ledger(study: StudyFolder) -> None:
    first = record_study(StudyFolder(study.path))
    assert first.state == "waiting"
    assert first.questions == ("Which one? (best: E1, more)",)
    path = study.path / "study.json"
    written = path.stat().st_mtime_ns
    assert record_study(StudyFolder(study.path)) == first
    assert path.stat().st_mtime_ns == written
    path.write_text("{")
    assert record_study(StudyFolder(study.path)) == first
    assert Study.read(path, remedy="") == first


def test_an_answer_is_in_the_log_at_once(study: StudyFolder) -> None:
    answer_question("toy", "best: E1", why="nothing else was tried", who="Ada")
    text = Path("EXPERIMENT_LOG.md").read_text()
    assert "| ask:choose | Ada |" in text
    assert "nothing else was tried" in text
    assert str(study.path.resolve().parent) not in text


def test_report_and_log_show_a_study_that_was_killed(study: StudyFolder) -> None:
    assert not (study.path / "study.json").exists()
    update = add_to_log(decision="wait")
    assert "study toy | waiting |" in Path(update.log).read_text()
    (study.path / "study.json").unlink()
    page = report(split="data/splits")
    present = {section.key: section.present for section in page.sections}
    assert present["study-1"]
    assert "Which one?" in Path(page.report).read_text()


def test_a_damaged_ledger_is_named_and_the_page_is_written(
    study: StudyFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    study.ledger.path_of(2).write_text("{")
    page = report(split="data/splits")
    assert "the study toy is shown as it was" in capsys.readouterr().err
    assert Path(page.report).exists()


def test_a_record_that_cannot_be_written_leaves_the_page_possible(
    study: StudyFolder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    record_study(study)
    assert study.ledger.append(Claim(at="2026-01-01T00:02", agent="a", item="train:E2:s0"))

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("xlite.studies.summary.study.write_json", refuse)
    page = report(split="data/splits")
    assert "the study toy is shown as it was" in capsys.readouterr().err
    assert "Which one?" in Path(page.report).read_text()
