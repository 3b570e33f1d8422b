"""The server that runs commands, and the sound project that each case spoils a copy of."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hostile.commands import Commands
from hostile.sound_project import build_sound_project


@pytest.fixture(scope="session")
def commands() -> Iterator[Commands]:
    """Runs `xlite` in children of one warm process."""
    if not Commands.are_possible():
        pytest.skip("this platform can't fork, which the cases are run by")
    with Commands() as made:
        yield made


@pytest.fixture(scope="session")
def sound(commands: Commands, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a project with nothing wrong in it; see `build_sound_project`."""
    return build_sound_project(commands, tmp_path_factory.mktemp("sound") / "project")
