"""Agents where a study's folder can't be written to: full, read-only, or without hard links."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from executors import toy_study

from xlite.errors import InputError, explain
from xlite.studies.folder import StudyFolder


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Mounts a file system in memory with options, or changes the options of the one there is."""
    place = tmp_path / "disk"
    place.mkdir()

    def mount(options: str) -> Path:
        if shutil.which("mount") is None or os.getuid() != 0:
            pytest.skip("mounting a small disk needs root")
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"a small disk can't be mounted here: {done.stderr.strip()}")
        return place

    yield mount
    subprocess.run(["umount", str(place)], capture_output=True, check=False)


def test_a_disk_that_fills_up_ends_the_agent_and_not_the_study(
    disk: Callable[[str], Path],
) -> None:
    folder = toy_study.begin(disk("size=128k"))
    with pytest.raises((InputError, OSError)) as ended:
        toy_study.take_part(folder, 40)
    message, exit_code = explain(ended.value)
    assert "No space left on device" in message
    assert exit_code == 2
    # Nothing is half-written: with room the study goes on from there.
    disk("remount,size=8m")
    again = StudyFolder(folder.path)
    end = toy_study.take_part(again, 40)
    assert end.is_ended
    assert all(item.status == "finished" for item in end.state.items.values())
    assert again.ledger.find_foreign() == []


def test_a_folder_that_can_only_be_read_is_named(disk: Callable[[str], Path]) -> None:
    folder = toy_study.begin(disk("size=1m"))
    disk("remount,ro")
    with pytest.raises(OSError, match="Read-only") as ended:
        toy_study.take_part(folder, 4)
    message, exit_code = explain(ended.value)
    assert str(folder.agents) in message
    assert exit_code == 2


def test_a_file_system_without_hard_links_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = toy_study.begin(tmp_path)

    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    with pytest.raises(InputError, match=r"without hard links.*Pass an --out on another"):
        toy_study.take_part(folder, 4)
    assert {path.name for path in folder.ledger.folder.iterdir()} == {"000001.json"}
