"""The signs of life of a study's agents: an agent's folder, and which of the others are lost."""

from __future__ import annotations

import contextlib
import os
import platform
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from filelock import FileLock

from xlite.errors import InputError
from xlite.files import write_json
from xlite.records import Record
from xlite.run_folder.signs_of_life import (
    LOCK,
    SILENCE_SECONDS,
    LockOwner,
    file_server_time,
    give_signs_of_life,
    is_locked,
    seconds_silent,
)

_PROGRESS = "progress.json"

_PATIENCE_SECONDS = 0.5

_LOOK_SECONDS = 10.0
"""Between two looks at an agent of another host, which cost a file server its time."""


class AgentProgress(Record):
    """How far an agent is with the item that it holds."""

    item: str
    claim: int
    """The number of the entry by which it holds the item."""
    run: str | None = None
    """The run folder, from the experiments folder."""
    epochs_done: int = 0
    epochs: int | None = None
    """At which it will pause or end; None where that is not known."""
    num_reports: int = 0
    """Epochs that it has finished since the claim."""
    best_val_auroc: float | None = None
    seconds: float = 0.0
    """Of training, over all sittings of the run, to the last epoch's end."""
    updated: float
    """By the file server's clock, seconds since 1970."""


@dataclass(frozen=True)
class AgentFolder:
    """A folder of `agents/`, whose name is the agent's."""

    path: Path

    @property
    def name(self) -> str:
        """HOST-PID-RANDOM."""
        return self.path.name

    @property
    def host(self) -> str:
        """The host as its name has it."""
        return self.name.rsplit("-", 2)[0]

    @property
    def pid(self) -> int:
        """The process as its name has it; 0 for a name that no agent gave itself."""
        parts = self.name.rsplit("-", 2)
        return int(parts[1]) if len(parts) == 3 and parts[1].isdecimal() else 0

    @property
    def is_here(self) -> bool:
        """Whether it is of this host, where the kernel's lock tells whether it lives."""
        return self.host == _host()

    def write_progress(self, progress: AgentProgress) -> None:
        """Note how far this agent is; for people, so that a failure changes nothing."""
        with contextlib.suppress(OSError):
            write_json(self.path / _PROGRESS, progress.model_dump(exclude={"schema_version"}))

    def read_progress(self, item: str, claim: int) -> AgentProgress | None:
        """What the agent has noted since it claimed the item; None before it has, or if damaged."""
        path = self.path / _PROGRESS
        if not path.exists():
            return None
        try:
            progress = AgentProgress.read(path, remedy="Delete it.")
        except InputError:
            return None  # it is for people, and its damage must not end another agent
        return progress if (progress.item, progress.claim) == (item, claim) else None


@contextmanager
def be_agent(agents: Path) -> Iterator[AgentFolder]:
    """Within the block this process is an agent; its folder goes when it ends, but for a kill."""
    owner = LockOwner.this_process()
    folder = AgentFolder(agents / f"{_host()}-{owner.pid}-{secrets.token_hex(4)}")
    folder.path.mkdir(parents=True)
    lock = FileLock(folder.path / LOCK)
    try:
        # Who looks whether the agent lives takes the lock for an instant.
        lock.acquire(timeout=_PATIENCE_SECONDS)
        with give_signs_of_life(folder.path, owner):
            yield folder
    finally:
        # What a forked child has is a copy.
        if os.getpid() == owner.pid:
            lock.release()
            shutil.rmtree(folder.path, ignore_errors=True)


@dataclass
class AgentWatch:
    """What one agent sees of the others."""

    own: AgentFolder
    _seen: dict[str, tuple[float, float]] = field(default_factory=dict)
    """By agent: its last sign of life, and when it was first seen by this process's clock."""
    _next_look: dict[str, float] = field(default_factory=dict)

    def now(self) -> float:
        """The time by the file server's clock; by this host's where its folder was deleted."""
        try:
            return file_server_time(self.own.path)
        except FileNotFoundError:
            return time.time()

    def forget(self, name: str) -> None:
        """Delete the folder of an agent of this host that is dead."""
        folder = AgentFolder(self.own.path.parent / name)
        if folder.is_here:
            shutil.rmtree(folder.path, ignore_errors=True)

    def is_lost(self, name: str, claim_file: Path) -> bool:
        """Whether an agent is dead, or has been silent for so long that it counts as dead.

        claim_file: the entry of its claim, which is a sign of life too.
        """
        folder = AgentFolder(self.own.path.parent / name)
        if folder.is_here:
            with contextlib.suppress(OSError):
                return not is_locked(folder.path)
        if time.monotonic() < self._next_look.get(name, 0.0):
            return False
        self._next_look[name] = time.monotonic() + _LOOK_SECONDS
        now = self.now()
        silent = min(seconds_silent(folder.path, now=now), now - claim_file.stat().st_mtime)
        if silent >= 0:
            return silent > SILENCE_SECONDS
        # Stamped in the future: the server's clock was set back. Whether it still gives signs is
        # watched instead.
        stamp = round(now - silent, 3)
        if self._seen.get(name, (None,))[0] != stamp:
            self._seen[name] = (stamp, time.monotonic())
        return time.monotonic() - self._seen[name][1] > SILENCE_SECONDS


def _host() -> str:
    return re.sub(r"[^A-Za-z0-9._-]", "_", platform.node()) or "host"
