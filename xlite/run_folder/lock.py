"""The lock of a run: one process trains it at a time, and a lock that was left is explained."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from xlite import console
from xlite.errors import InputError, RunInUseError
from xlite.run_folder.signs_of_life import (
    LOCK,
    LOCK_RECORD,
    SILENCE_SECONDS,
    LockOwner,
    file_server_time,
    give_signs_of_life,
    is_locked,
    read_owner,
    seconds_silent,
)

# `is_held` takes the lock for an instant, which must not look like a training process.
_PATIENCE_SECONDS = 0.5


@contextmanager
def hold_lock(run_dir: Path) -> Iterator[None]:
    """Within the block this process is the only one to train the run in the folder `run_dir`.

    The lock of a process that died is taken over, and a line says so. Raises RunInUseError
    when another process trains the run, or when another host's process may still do so, and
    InputError when the folder's file system can't lock.
    """
    owner = LockOwner.this_process()
    record = run_dir / LOCK_RECORD
    if record.exists() and not record.is_file():
        raise InputError(f"{record} is no file, but a lock's record has to be one. Remove it.")
    lock = _acquire(run_dir)
    try:
        _take_over(run_dir)
        with give_signs_of_life(run_dir, owner):
            yield
    finally:
        # See `give_signs_of_life`: what a forked child has is a copy.
        if os.getpid() == owner.pid:
            lock.release()


def is_held(run_dir: Path) -> bool:
    """Whether a process trains the run now, on this host or, by its signs of life, on another."""
    owner = read_owner(run_dir)
    # A stamp from the future is no sign of death: some clock is wrong, perhaps this host's.
    is_alive = owner is not None and seconds_silent(run_dir, now=time.time()) < SILENCE_SECONDS
    try:
        has_lock = is_locked(run_dir)
    except OSError:  # another user's run, or a folder of that name: a lock that can't be tried
        return is_alive
    return has_lock or (is_alive and owner is not None and not owner.is_here)


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
        raise RunInUseError(f"{who} {run_dir}{since}. Wait for it, or use another --out.") from None
    except OSError as error:
        raise InputError(
            f"run folder {run_dir} can't be locked: {error}. Use an --out that you may write to "
            "and whose file system has locks."
        ) from None
    return lock


def _take_over(run_dir: Path) -> None:
    """Say whose run is continued. Raises RunInUseError when that process may be alive.

    The flock is ours already: a record of this host is that of a dead process.
    """
    previous = read_owner(run_dir)
    if previous is None:
        return
    who = f"process {previous.pid} on {previous.host}"
    if previous.is_here:
        console.say(f"{run_dir.name}: continues after {who}, which ended without releasing it")
        return
    seconds = seconds_silent(run_dir, now=file_server_time(run_dir))
    if seconds < -SILENCE_SECONDS:
        raise RunInUseError(
            f"{who} has been training {run_dir} since {previous.started}; its last sign of life "
            f"is stamped {-seconds / 60:.0f} minutes in the future, so a clock is or was wrong, "
            f"and nobody can tell how old it is. If that process is gone, delete "
            f"{run_dir / LOCK_RECORD}."
        )
    if seconds < SILENCE_SECONDS:
        raise RunInUseError(
            f"{who} has been training {run_dir} since {previous.started}; its last sign of life "
            f"is {max(0.0, seconds):.0f} s old. Wait for it, or use another --out. If that process "
            f"is gone, try again in {SILENCE_SECONDS / 60:.0f} minutes, or delete "
            f"{run_dir / LOCK_RECORD}."
        )
    console.say(
        f"{run_dir.name}: continues after {who}, which has given no sign of life for "
        f"{seconds / 60:.0f} minutes"
    )
