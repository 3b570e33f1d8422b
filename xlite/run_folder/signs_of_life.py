"""Whether the process that works in a folder is alive, for this host and for others.

The kernel holds a lock proper (flock on `.lock`) and frees it when the process dies. Beside it
`.lock.json` says who holds it, for messages and for hosts that the flock does not reach: on a
network file system they can only watch whether the record is still touched, by the clock of the
server that stamps it. Runs and the agents of studies give the same signs.
"""

from __future__ import annotations

import contextlib
import os
import platform
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from xlite.errors import InputError
from xlite.files import write_json
from xlite.records import Record

LOCK = ".lock"
LOCK_RECORD = ".lock.json"

HEARTBEAT_SECONDS = 30.0
# NFS clients may see times that are a minute old, and a loaded server may lose a beat or two.
SILENCE_SECONDS = 180.0


@dataclass(frozen=True, kw_only=True)
class LockOwner:
    """The process that works in a folder, or the one that did so last and died."""

    host: str
    pid: int
    started: str
    """Local time with its offset, ISO 8601."""

    @classmethod
    def this_process(cls) -> LockOwner:
        """This process, as of now."""
        return cls(
            host=platform.node(),
            pid=os.getpid(),
            started=datetime.now().astimezone().isoformat(timespec="seconds"),
        )

    @property
    def is_here(self) -> bool:
        """Whether it is of this host, where the kernel's lock tells."""
        return self.host == platform.node()


class _OwnerRecord(Record):
    host: str
    pid: int
    started: str


@contextmanager
def give_signs_of_life(folder: Path, owner: LockOwner) -> Iterator[None]:
    """Within the block the folder's record names `owner`, this process, and is touched.

    The lock has to be held already.
    """
    record = folder / LOCK_RECORD
    write_json(record, asdict(owner))
    has_ended = threading.Event()
    heartbeat = threading.Thread(
        target=_keep_alive, args=(record, has_ended), name="xlite-lock", daemon=True
    )
    heartbeat.start()
    try:
        yield
    finally:
        # A forked child that unwinds this block has copies of all of it, and must not let go of
        # what is its parent's. Its copy of the event may even be locked for ever.
        if os.getpid() == owner.pid:
            has_ended.set()
            heartbeat.join()
            # A process that was suspended for long finds that another one has taken over.
            if read_owner(folder) == owner:
                record.unlink(missing_ok=True)


def read_owner(folder: Path) -> LockOwner | None:
    """Who works in the folder or died doing so; None without a record, or when it is damaged."""
    try:
        record = _OwnerRecord.read(folder / LOCK_RECORD, remedy="")
    except InputError:
        return None
    return LockOwner(host=record.host, pid=record.pid, started=record.started)


def seconds_silent(folder: Path, *, now: float) -> float:
    """Seconds from the owner's last sign of life to `now`; infinite without a record.

    Negative when it is stamped with a time that is yet to come.
    """
    try:
        return now - (folder / LOCK_RECORD).stat().st_mtime
    except FileNotFoundError:
        return float("inf")


def file_server_time(folder: Path) -> float:
    """The time by the clock that stamps files of the folder, which this process has to have locked.

    Hosts' own clocks may differ.
    """
    path = folder / LOCK
    os.utime(path)
    return path.stat().st_mtime


def is_locked(folder: Path) -> bool:
    """Whether a process of a host that the kernel's lock reaches holds it; OSError where it can't
    be tried.
    """
    path = folder / LOCK
    if not path.exists():
        return False
    lock = FileLock(path)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return True
    lock.release()
    return False


def _keep_alive(record: Path, has_ended: threading.Event) -> None:
    while not has_ended.wait(HEARTBEAT_SECONDS):
        # A file server that is away for a moment, or a deleted record, must not end training.
        with contextlib.suppress(OSError):
            os.utime(record)
