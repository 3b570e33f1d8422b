"""Agents side by side: one that dies is said, and the others do its work."""

from __future__ import annotations

import platform
from functools import partial
from pathlib import Path

import pytest
from executors import toy_study

from xlite.errors import CheckFailedError
from xlite.executors.agent_crew import work_side_by_side
from xlite.signals import heed_no_signals
from xlite.studies.recorded_plan import read_state


def test_an_agent_that_dies_is_said_and_the_others_go_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = toy_study.begin(tmp_path)
    agent = partial(toy_study.take_part_unless_first, folder.path, 6)
    work_side_by_side(agent, jobs=2, stopping=heed_no_signals)
    said = capsys.readouterr().err
    assert "its process was killed by SIGKILL" in said
    assert "Others take over what it was at" in said
    assert "agent 1 | train:toy/" in said or "agent 2 | train:toy/" in said
    items = read_state(folder).items
    assert len(items) == 6
    assert all(item.status == "finished" for item in items.values())


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told")
def test_agents_in_processes_of_their_own_keep_freed_memory() -> None:
    work_side_by_side(toy_study.touch_freed_memory, jobs=1, stopping=heed_no_signals)


def test_agents_that_all_die_are_an_error(tmp_path: Path) -> None:
    folder = toy_study.begin(tmp_path)
    agent = partial(toy_study.take_part_unless_first, folder.path, 6)
    with pytest.raises(CheckFailedError, match="all agents have died; nothing is lost"):
        work_side_by_side(agent, jobs=1, stopping=heed_no_signals)
