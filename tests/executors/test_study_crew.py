"""What a terminal shows of agents side by side."""

from __future__ import annotations

import io

import pytest

from xlite.executors.study_crew import StudyParent
from xlite.settings import TrainSettings
from xlite.studies.item_result import ItemResult, ItemStart
from xlite.studies.work_item import WorkItem
from xlite.training.state import EpochReport


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def item(name: str) -> WorkItem:
    settings = TrainSettings(model="resnet18", epochs=9)
    return WorkItem(id=f"train:{name}:s0", kind="train", subject=name, settings=settings)


def test_the_line_says_what_is_at_work_and_goes_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    report = EpochReport(epochs_done=4, best_val_auroc=0.5, seconds=1.0)
    with StudyParent() as parent:
        for name in ("E1", "E2"):
            parent.hear(item(name), ItemStart(run=f"runs/{name}"))
        parent.hear(item("E1"), report)
        assert parent.description == ("0 items done; at work: train:E1:s0 epoch 4/9, train:E2:s0")
        parent.say("agent 1", "epoch 4 has ended")
        parent.hear(item("E2"), ItemResult(outcome="finished"))
        parent.hear(item("E1"), None)
        assert parent.description == "1 item done; at work: none"
    shown = terminal.getvalue()
    assert "train:E1:s0 epoch 4/9" in shown
    assert "agent 1 | epoch 4 has ended\n" in shown
    assert shown.endswith("\r")


def test_off_a_terminal_there_is_no_line(capsys: pytest.CaptureFixture[str]) -> None:
    with StudyParent() as parent:
        parent.hear(item("E1"), ItemStart(run="runs/E1"))
    assert capsys.readouterr().err == ""
