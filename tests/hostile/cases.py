"""What a hostile case is, and what holds of each of them."""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

from hostile.commands import GIGABYTE, Commands, Ending, Surroundings
from hostile.sound_project import copy_project

WRONG_INPUT, FAULT_FOUND, DONE = 2, 1, 0
_MEMORY = int(2.5 * GIGABYTE)  # the server itself takes 0.6
_LONGEST_LINE = 2_000  # where a table of a million columns is refused, too
_TRACES = re.compile(r"Traceback \(most recent|internal error|File \"[^\"]+\", line \d+")

Spoil = Callable[[Path], None]
"""Makes something hostile in a project's folder."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """One hostile thing and one command that meets it."""

    name: str
    spoil: Spoil
    command: str
    """Without the word xlite; `{run}` and `{other}` are the names of the sound runs."""
    says: str = ""
    """A regular expression for what must be said, whatever its case."""
    says_when_done: bool = True
    """Whether that must be said when the command ends with 0, too."""
    ends: tuple[int, ...] = (WRONG_INPUT,)
    """The exit codes that are right."""
    writes: tuple[str, ...] = ()
    """Patterns of the paths that may change, from the folder that holds the project."""
    around: Surroundings = field(default_factory=Surroundings)


def folder_case(
    name: str,
    spoil: Spoil,
    command: str,
    says: str,
    ends: tuple[int, ...],
    writes: tuple[str, ...] = (),
) -> Case:
    """Something about a folder: a command that goes on all the same need not name it."""
    return Case(
        name=name,
        spoil=spoil,
        command=command,
        says=says,
        says_when_done=False,
        ends=ends,
        writes=writes,
    )


def nothing(_: Path) -> None:
    """Spoil nothing: the command itself is hostile."""


def run_case(case: Case, commands: Commands, sound: Path, folder: Path) -> Ending:
    """Run a case in `folder` and assert what holds of every case."""
    project = copy_project(sound, folder)
    arguments = arguments_of(case, project)
    case.spoil(project)
    before = list_files(folder)
    ending = commands.run(arguments, project, case.around)
    check_ending(case, ending)
    check_files(before, list_files(folder), writes=case.writes)
    return ending


def arguments_of(case: Case, project: Path) -> list[str]:
    """The words of a case's command."""
    runs = sorted(path.name for path in (project / "experiments" / "runs").iterdir())
    words = shlex.split(case.command)
    return [word.replace("{run}", runs[0]).replace("{other}", runs[1]) for word in words]


def check_ending(case: Case, ending: Ending) -> None:
    """No traceback, the right exit code, the thing's name, bounded time and memory."""
    said = f"xlite {case.command}\nexit {ending.exit_code}\n{ending.err}{ending.out}"
    assert ending.exit_code is not None, f"still running after {case.around.seconds} s: {said}"
    assert not _TRACES.search(ending.err + ending.out), said
    assert ending.exit_code in case.ends, said
    longest = max(map(len, ending.err.splitlines()), default=0)
    assert longest < _LONGEST_LINE, f"a line of {longest} characters: {said[:2_000]}"
    if case.says_when_done or ending.exit_code != DONE:
        assert re.search(case.says, ending.text, re.IGNORECASE), f"/{case.says}/ not in: {said}"
    assert not ending.left_processes, f"left processes behind: {said}"
    assert ending.peak_bytes < _MEMORY, f"took {ending.peak_bytes / 1e9:.1f} GB: {said}"


def check_files(
    before: dict[str, tuple[object, ...]],
    after: dict[str, tuple[object, ...]],
    *,
    writes: Sequence[str],
) -> None:
    """Nothing has come, gone or changed but what matches one of `writes`."""
    touched = {
        path: f"{before.get(path)} → {after.get(path)}"
        for path in before.keys() | after.keys()
        if before.get(path) != after.get(path)
        and not any(fnmatch(path, pattern) for pattern in writes)
    }
    assert not touched, touched


def list_files(folder: Path) -> dict[str, tuple[object, ...]]:
    """Kind, size, time of change, SHA-256 and link target of all that lies below `folder`.

    Folders have neither size nor time: those change with what is in them, which is listed.
    """
    found: dict[str, tuple[object, ...]] = {}
    for root, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(root) / name
            relative = path.relative_to(folder).as_posix()
            if relative.split("/")[0] == "home":
                continue
            status = path.lstat()
            kind = stat.S_IFMT(status.st_mode)
            if stat.S_ISDIR(status.st_mode):
                found[relative] = (kind,)
            elif stat.S_ISLNK(status.st_mode):
                found[relative] = (kind, str(path.readlink()))
            else:
                found[relative] = (kind, status.st_size, status.st_mtime_ns, _sha256(path, status))
    return found


def _sha256(path: Path, status: os.stat_result) -> str:
    if not stat.S_ISREG(status.st_mode) or status.st_size > GIGABYTE // 4:
        return ""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
