"""Disks that fill up in the middle of a command."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hostile.cases import (
    Case,
    arguments_of,
    check_ending,
    check_files,
    list_files,
    nothing,
)
from hostile.command_lines import (
    CACHE,
    JUDGE_CSV,
    TRAIN,
)
from hostile.commands import Commands
from hostile.sound_project import copy_project


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[int], Path]]:
    """Mounts a disk of so many kilobytes; skips where that is not allowed."""
    place = tmp_path / "disk"
    place.mkdir()

    def mount(kilobytes: int) -> Path:
        if shutil.which("mount") is None or os.getuid() != 0:
            pytest.skip("mounting a small disk needs root")
        command = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(place)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"a small disk can't be mounted here: {done.stderr.strip()}")
        return place

    yield mount
    subprocess.run(["umount", str(place)], capture_output=True)


@pytest.mark.parametrize(
    ("command", "kilobytes"),
    [
        ("split --out ../disk/made", 4),
        ("split --folds 3 --out ../disk/made", 24),
        (CACHE + " --out ../disk/made", 8),
        (CACHE + " --out ../disk/made", 40),
        (CACHE + " --format png --out ../disk/made", 40),
        (JUDGE_CSV.replace("judged", "../disk/judged"), 4),
        ("verify-balance --split data/splits --sampler none --batches 40 --out ../disk/made", 4),
        ("report --out ../disk/page.html", 100),
        (TRAIN + " --out ../disk/experiments", 4),
        (TRAIN + " --out ../disk/experiments", 100),
        (TRAIN + " --out ../disk/experiments", 4_000),
    ],
)
def test_a_disk_that_fills_up(
    command: str,
    kilobytes: int,
    commands: Commands,
    sound: Path,
    tmp_path: Path,
    small_disk: Callable[[int], Path],
) -> None:
    project = copy_project(sound, tmp_path)
    disk = small_disk(kilobytes)
    before = list_files(project)
    case = Case(name="", spoil=nothing, command=command, says="space|room|disk", ends=(1, 2))
    check_ending(case, commands.run(arguments_of(case, project), project))
    check_files(before, list_files(project), writes=("EXPERIMENT_LOG.md", "data/*/verified.json"))
    leftovers = [path for path in disk.rglob("*") if path.name.endswith(".tmp")]
    assert not leftovers
    assert not [path for path in disk.rglob("*.json") if not path.stat().st_size]
