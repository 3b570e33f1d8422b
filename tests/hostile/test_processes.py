"""Commands in processes of their own, where the start or the end of Python is the case."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hostile.command_lines import (
    JUDGE_CSV,
)
from hostile.sound_project import copy_project

SPOKEN = {
    "PYTHONIOENCODING=cp1252": {"PYTHONIOENCODING": "cp1252"},
    "LC_ALL=C without UTF-8 mode": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "PYTHONIOENCODING=ascii:strict": {"PYTHONIOENCODING": "ascii:strict"},
}


def start(command: str, folder: Path, **options: object) -> subprocess.Popen[bytes]:
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("PYTHON")
    }
    environment |= {"HOME": str(folder.parent / "home"), "OMP_NUM_THREADS": "1"}
    environment |= options.pop("environment", {})  # type: ignore[arg-type]
    return subprocess.Popen(
        [sys.executable, "-m", "xlite", *command.split()],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **options,  # type: ignore[call-overload]
    )


@pytest.mark.parametrize("name", SPOKEN)
def test_a_console_that_is_not_utf_8(name: str, sound: Path, tmp_path: Path) -> None:
    project = copy_project(sound, tmp_path)
    process = start(JUDGE_CSV, project, environment=SPOKEN[name])
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert b"Traceback" not in err + out


@contextlib.contextmanager
def at_the_end_killed(process: subprocess.Popen[bytes]) -> Iterator[None]:
    try:
        yield
    finally:
        process.kill()
        process.communicate()


def test_a_reader_that_leaves(sound: Path, tmp_path: Path) -> None:
    process = start("train --help", copy_project(sound, tmp_path))
    assert process.stdout is not None
    assert process.stderr is not None
    with at_the_end_killed(process):
        process.stdout.close()
        err = process.stderr.read()
        assert process.wait(60) in (0, 1, 141)
        assert b"Traceback" not in err
