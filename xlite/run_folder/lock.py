"""The lock of a run: one process trains it at a time, and a lock that was left is explained.

The kernel holds the lock proper (flock on `.lock`) and frees it when the process dies. Beside
it `.lock.json` says who trains, for messages and for hosts that the flock does not reach: on a
network file system they can only watch whether the record is still touched.
"""

from __future__ import annotations

import contextlib
import os
import platform
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from xlite import console
from xlite.errors import CheckFailedError, InputError
from xlite.files import write_json
from xlite.records import Record

LOCK = ".lock"
LOCK_RECORD = ".lock.json"

HEARTBEAT_SECONDS = 30.0
# NFS clients may see times that are a minute old, and a loaded server may lose a beat or two.
SILENCE_SECONDS = 180.0
# `is_held` takes the lock for an instant, which must not look like a training process.
_PATIENCE_SECONDS = 0.5


@dataclass(frozen=True, kw_only=True)
class LockOwner:
    """The process that trains a run, or the one that did so last and died."""

    host: str
    pid: int
    started: str
    """Local time with its offset, ISO 8601."""


class _OwnerRecord(Record):
    host: str
    pid: int
    started: str


@contextmanager
def hold_lock(run_dir: Path) -> Iterator[None]:
    """Within the block this process is the only one to train the run in the folder `run_dir`.

    The lock of a process that died is taken over, and a line says so. Raises CheckFailedError
    when another process trains the run, or when another host's process may still do so, and
    InputError when the folder's file system can't lock.
    """
    owner = LockOwner(
        host=platform.node(),
        pid=os.getpid(),
        started=datetime.now().astimezone().isoformat(timespec="seconds"),
    )
    record = run_dir / LOCK_RECORD
    if record.exists() and not record.is_file():
        raise InputError(f"{record} is no file, but a lock's record has to be one. Remove it.")
    lock = _acquire(run_dir)
    has_ended = threading.Event()
    heartbeat: threading.Thread | None = None
    try:
        _take_over(run_dir, owner)
        write_json(record, asdict(owner))
        heartbeat = threading.Thread(
            target=_keep_alive, args=(record, has_ended), name="xlite-lock", daemon=True
        )
        heartbeat.start()
        yield
    finally:
        # A forked child that unwinds this block has copies of all of it, and must not let go of
        # what is its parent's. Its copy of the event may even be locked for ever.
        if os.getpid() == owner.pid:
            if heartbeat is not None:
                has_ended.set()
                heartbeat.join()
                # A process that was suspended for long finds that another one has taken over.
                if read_owner(run_dir) == owner:
                    record.unlink(missing_ok=True)
            lock.release()


def read_owner(run_dir: Path) -> LockOwner | None:
    """Who trains the run or died doing so; None without a record, or when it is damaged."""
    try:
        record = _OwnerRecord.read(run_dir / LOCK_RECORD, remedy="")
    except InputError:
        return None
    return LockOwner(host=record.host, pid=record.pid, started=record.started)


def is_held(run_dir: Path) -> bool:
    """Whether a process trains the run now, on this host or, by its signs of life, on another."""
    owner = read_owner(run_dir)
    # A stamp from the future is no sign of death: some clock is wrong, perhaps this host's.
    is_alive = owner is not None and _seconds_silent(run_dir, now=time.time()) < SILENCE_SECONDS
    try:
        is_locked = _is_locked(run_dir)
    except OSError:  # another user's run, or a folder of that name: a lock that can't be tried
        return is_alive
    return is_locked or (is_alive and owner is not None and owner.host != platform.node())


def _acquire(run_dir: Path) -> FileLock:
    lock = FileLock(run_dir / LOCK)
    try:
        lock.acquire(timeout=_PATIENCE_SECONDS)
    except Timeout:
        owner = read_owner(run_dir)
        who = "another process is training"
        if owner is not None:
            who = f"process {owner.pid} on {owner.host} has been training"
        since = f" since {owner.started}" if owner is not None else ""
        raise CheckFailedError(
            f"{who} {run_dir}{since}. Wait for it, or use another --out."
        ) from None
    except OSError as error:
        raise InputError(
            f"run folder {run_dir} can't be locked: {error}. Use an --out that you may write to "
            "and whose file system has locks."
        ) from None
    return lock


def _take_over(run_dir: Path, owner: LockOwner) -> None:
    """Say whose run is continued. Raises CheckFailedError when that process may be alive.

    The flock is ours already: a record of this host is that of a dead process.
    """
    previous = read_owner(run_dir)
    if previous is None:
        return
    who = f"process {previous.pid} on {previous.host}"
    if previous.host == owner.host:
        console.say(f"{run_dir.name}: continues after {who}, which ended without releasing it")
        return
    seconds = _seconds_silent(run_dir, now=_file_server_time(run_dir))
    if seconds < -SILENCE_SECONDS:
        raise CheckFailedError(
            f"{who} has been training {run_dir} since {previous.started}; its last sign of life "
            f"is stamped {-seconds / 60:.0f} minutes in the future, so a clock is or was wrong, "
            f"and nobody can tell how old it is. If that process is gone, delete "
            f"{run_dir / LOCK_RECORD}."
        )
    if seconds < SILENCE_SECONDS:
        raise CheckFailedError(
            f"{who} has been training {run_dir} since {previous.started}; its last sign of life "
            f"is {max(0.0, seconds):.0f} s old. Wait for it, or use another --out. If that process "
            f"is gone, try again in {SILENCE_SECONDS / 60:.0f} minutes, or delete "
            f"{run_dir / LOCK_RECORD}."
        )
    console.say(
        f"{run_dir.name}: continues after {who}, which has given no sign of life for "
        f"{seconds / 60:.0f} minutes"
    )


def _seconds_silent(run_dir: Path, *, now: float) -> float:
    """Seconds from the owner's last sign of life to `now`; infinite without a record.

    Negative when it is stamped with a time that is yet to come.
    """
    try:
        return now - (run_dir / LOCK_RECORD).stat().st_mtime
    except FileNotFoundError:
        return float("inf")


def _file_server_time(run_dir: Path) -> float:
    """The time by the clock that stamps files of the folder; hosts' own clocks may differ."""
    path = run_dir / LOCK
    os.utime(path)
    return path.stat().st_mtime


def _keep_alive(record: Path, has_ended: threading.Event) -> None:
    while not has_ended.wait(HEARTBEAT_SECONDS):
        # A file server that is away for a moment, or a deleted record, must not end training.
        with contextlib.suppress(OSError):
            os.utime(record)


def _is_locked(run_dir: Path) -> bool:
    path = run_dir / LOCK
    if not path.exists():
        return False
    lock = FileLock(path)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return True
    lock.release()
    return False
