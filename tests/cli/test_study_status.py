"""`study status --watch`: it draws what changes, and ends when no agent is at work."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest

from xlite.results.study_status import StatusItem, StudyStatus
from xlite.studies.folder import StudyFolder
from xlite.studies.ledger_entries import Begin, entry_time


def status(state: Literal["running", "ended"], item: Literal["at work", "finished"]) -> StudyStatus:
    return StudyStatus(
        name="toy",
        folder="studies/toy",
        state=state,
        items=(StatusItem(id="train:E1:s0", status=item),),
        agents=(),
        decisions=(),
        waiting_for=(),
        has_winner=False,
    )


def test_watch_ends_with_the_study_and_draws_only_what_is_new(
    tmp_path: Path, xlite_ok: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = StudyFolder(tmp_path / "studies" / "toy")
    folder.ledger.append(
        Begin(at=entry_time(), agent="person", name="toy", plan="", root="../../..")
    )
    going_on, over = status("running", "at work"), status("ended", "finished")
    seen: Iterator[StudyStatus] = iter([going_on, going_on, going_on, over])
    monkeypatch.setattr("xlite.executors.study_status.read_study_status", lambda _: next(seen))
    words = ("study", "status", "toy", "--out", tmp_path)
    shown = xlite_ok(*words, "--watch", "--interval", 0.1).stdout
    assert next(seen, None) is None
    assert shown.count("study toy: ") == 2
    assert shown.index("1 at work") < shown.index("1 finished")


def test_watch_and_json_exclude_each_other(xlite: Any) -> None:
    result = xlite("study", "status", "--watch", "--json")
    assert result.exit_code == 2
    assert "--watch and --json exclude each other" in result.stderr
