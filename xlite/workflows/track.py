"""`track`: run folders and studies, replayed into a tracker, while they are trained or after."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from xlite import console, places
from xlite.errors import CheckFailedError, InterruptedRunError
from xlite.results.tracking import TrackedEntry, Tracking
from xlite.signals import StopRequest, StopSource, heed_no_signals
from xlite.tracking.tracker import Place, Tracker, open_tracker
from xlite.workflows.tracked_entries import Entries, find_entries

_LOCK = ".xlite.lock"
_LOOK_SECONDS = 0.2
"""Between two looks for a signal."""


def track(
    items: str | Path | Sequence[str | Path] = (),
    *,
    to: str,
    out: str | Path | None = None,
    project: str | None = None,
    experiments: str | Path = places.EXPERIMENTS_DIR,
    follow: bool = False,
    interval: float = 2.0,
    stopping: StopSource = heed_no_signals,
) -> Tracking:
    """What the tracker has, once runs and studies were replayed into it.

    items: run folders or their names, studies or theirs, experiments folders; none for all of
    `experiments`. to: tensorboard, wandb, mlflow or trackio, each an extra of that name. out: a
    folder, or MLflow's address; None for the tracker's own variable of the environment, else
    `experiments/tracking/NAME`. project: None for the name of the project's folder. follow: go on
    until nobody is at work on them, looking every `interval` seconds.

    What the tracker has already is not written again, however often this runs and however it was
    killed, and nothing in a run folder is changed. Raises InputError for a tracker whose extra is
    not installed, and for one that has another training under the same name; CheckFailedError
    while another process writes there; InterruptedRunError, all being whole, where a signal came
    before all was written.
    """
    folder = Path(experiments)
    asked = [items] if isinstance(items, str | Path) else list(items)
    entries = find_entries(asked, folder)
    place = Place(
        out=None if out is None else str(out),
        folder=folder / places.TRACKING / to,
        project=project,
        default_project=folder.resolve().parent.name or "xlite",
    )
    with stopping() as stop:
        tracker = open_tracker(to, place)
        try:
            with _alone(tracker.folder):
                return _replay(entries, tracker, to, follow=interval if follow else None, stop=stop)
        finally:
            tracker.close()


def _replay(
    entries: Entries, tracker: Tracker, to: str, *, follow: float | None, stop: StopRequest
) -> Tracking:
    """follow: seconds between two looks, or None for one look."""
    written: dict[str, TrackedEntry] = {}
    while True:
        # Asked before the look: what ends during it is looked at once more.
        is_last = follow is None or entries.have_ended()
        for tracked in entries.read():
            before = written.get(tracked.name)
            new = tracker.write(tracked)
            written[tracked.name] = TrackedEntry(
                name=tracked.name,
                kind=tracked.kind,
                state=tracked.state,
                steps=len(tracked.steps),
                new_steps=new + (before.new_steps if before else 0),
            )
            if follow is not None and new:
                console.say(f"{tracked.name}: epoch {len(tracked.steps)}")
            if stop:
                break
        if is_last or stop:
            break
        _wait(follow or 0.0, stop)
    if stop.signal_number is not None and follow is None:
        raise InterruptedRunError(
            "tracking was interrupted: what was written is whole. Run the same command again to "
            "write the rest.",
            signal_number=stop.signal_number,
        )
    return Tracking(
        tracker=to, where=tracker.where, show=tracker.show, entries=tuple(written.values())
    )


def _wait(seconds: float, stop: StopRequest) -> None:
    end = time.monotonic() + seconds
    while not stop and (left := end - time.monotonic()) > 0:
        time.sleep(min(left, _LOOK_SECONDS))


@contextmanager
def _alone(folder: Path | None) -> Iterator[None]:
    """Within the block no other process of ours writes there: both would write what is missing."""
    if folder is None:
        yield
        return
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / _LOCK)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise CheckFailedError(
            f"another process tracks to {folder}. Wait for it, or end it first."
        ) from None
    try:
        yield
    finally:
        lock.release()
