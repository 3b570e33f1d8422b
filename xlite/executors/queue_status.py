"""Where a queue of runs stands and how long it may take; read from files, without torch."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import mean

from xlite.errors import InputError
from xlite.places import TRAINING_PROGRESS
from xlite.results import Result
from xlite.run_folder.folder import RunFolder
from xlite.run_folder.lock import is_held
from xlite.studies.progress import (
    FAILED,
    FINISHED,
    INTERRUPTED,
    PENDING,
    RUNNING,
    Entry,
    read_entries,
)

STOPPED = "stopped"
"""The status of a run whose process ended without a word."""

DELETED = "deleted"
"""The status of a run whose folder is gone."""

_UNFINISHED = (RUNNING, PENDING, INTERRUPTED, STOPPED)


@dataclass(frozen=True, kw_only=True)
class QueuedRun(Result):
    """One run of the queue."""

    name: str
    status: str
    epochs_done: int
    epochs: int | None
    """None where the progress file does not say."""
    best_val_auroc: float | None
    seconds: float
    """Training time so far, over all sittings."""
    seconds_left: float | None
    """To the last epoch, which early stopping may come before; None when nothing is known."""
    run: str
    """Its folder, from the experiments folder."""
    error: str | None
    note: str | None


@dataclass(frozen=True, kw_only=True)
class QueueStatus(Result):
    """The runs in the order of the queue, and what is left of all of them."""

    runs: tuple[QueuedRun, ...]
    seconds_left: float | None
    """With as many runs side by side as there are now; None when nothing is known."""

    @property
    def counts(self) -> dict[str, int]:
        """The number of runs by status, in the order of the queue."""
        return dict(Counter(run.status for run in self.runs))

    @property
    def has_ended(self) -> bool:
        """Whether nothing is being trained and nothing waits."""
        return not any(run.status in (RUNNING, PENDING) for run in self.runs)


def read_queue_status(out: str | Path, *, now: datetime | None = None) -> QueueStatus:
    """The queue of an experiments folder; `now` has a time zone and is the time by default.

    Raises InputError when the folder has no progress file, or one that can't be read.
    """
    out = Path(out)
    path = out / TRAINING_PROGRESS
    entries = read_entries(path)
    if not entries:
        raise InputError(
            f"{path} does not exist or is empty: nothing was trained there. Pass --out DIR, the "
            "folder that `xlite train` was given."
        )
    now = now or datetime.now(UTC)
    statuses = {name: _find_status(entry, out) for name, entry in entries.items()}
    elapsed = {
        name: entry["seconds"] + (_seconds_since(entry["updated"], now) if is_running else 0.0)
        for name, entry in entries.items()
        for is_running in [statuses[name] == RUNNING]
    }
    left = {
        name: seconds if statuses[name] in _UNFINISHED else 0.0
        for name, seconds in estimate_seconds_left(entries, elapsed).items()
    }
    runs = tuple(
        QueuedRun(
            name=name,
            status=statuses[name],
            epochs_done=entry["epochs_done"],
            epochs=entry["epochs"],
            best_val_auroc=entry["best_val_auroc"],
            seconds=elapsed[name],
            seconds_left=left[name],
            run=entry["run"],
            error=entry["error"] if statuses[name] == FAILED else None,
            note=entry["note"],
        )
        for name, entry in entries.items()
    )
    num_running = sum(run.status == RUNNING for run in runs)
    waiting = [run.seconds_left for run in runs if run.status in _UNFINISHED]
    total = estimate_total(waiting, num_side_by_side=max(1, num_running))
    return QueueStatus(runs=runs, seconds_left=total)


def estimate_seconds_left(
    entries: Mapping[str, Entry], elapsed: Mapping[str, float]
) -> dict[str, float | None]:
    """Seconds that each run has to go to its last epoch; None when nothing is known.

    A run's own seconds an epoch are used, or, before its first has ended, the mean of the
    others'. elapsed: seconds of training so far, of which those since the last epoch count.
    """
    paces = {
        name: entry["seconds"] / entry["epochs_done"]
        for name, entry in entries.items()
        if entry["epochs_done"] and entry["seconds"]
    }
    typical = mean(paces.values()) if paces else None
    left: dict[str, float | None] = {}
    for name, entry in entries.items():
        pace = paces.get(name, typical)
        since = elapsed[name] - entry["seconds"]
        if pace is None or entry["epochs"] is None:
            left[name] = None
        else:
            left[name] = max(0.0, pace * (entry["epochs"] - entry["epochs_done"]) - since)
    return left


def estimate_total(seconds_left: Sequence[float | None], *, num_side_by_side: int) -> float | None:
    """Seconds until runs are done of which `num_side_by_side` train at a time, in this order.

    None when that of a run is not known.

    >>> estimate_total([60.0, 30.0, 45.0], num_side_by_side=2)
    75.0
    """
    lanes = [0.0] * num_side_by_side
    for seconds in seconds_left:
        if seconds is None:
            return None
        heapq.heappush(lanes, heapq.heappop(lanes) + seconds)
    return max(lanes)


def _find_status(entry: Entry, out: Path) -> str:
    run_dir = out / entry["run"]
    if entry["status"] not in (PENDING, FAILED) and not run_dir.is_dir():
        return DELETED
    if entry["status"] != RUNNING or is_held(run_dir):
        return str(entry["status"])
    # A run's lock is released an instant before its entry says so.
    return FINISHED if RunFolder(run_dir).is_finished else STOPPED


def _seconds_since(time: str | None, now: datetime) -> float:
    return 0.0 if time is None else max(0.0, (now - datetime.fromisoformat(time)).total_seconds())
