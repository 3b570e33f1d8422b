"""What `track` has written to a tracker."""

from __future__ import annotations

from dataclasses import dataclass

from xlite.results import Result


@dataclass(frozen=True, kw_only=True)
class TrackedEntry(Result):
    """A run, study, ablation or comparison that the tracker has."""

    name: str
    kind: str
    state: str
    """running, finished, or stopped: unfinished, and nobody at work on it."""
    steps: int
    """Finished epochs; 0 of what is no run."""
    new_steps: int
    """Those of which something was written this time."""


@dataclass(frozen=True, kw_only=True)
class Tracking(Result):
    """What a tracker has after it was brought up to date."""

    tracker: str
    where: str
    """The folder or address."""
    show: str
    """The command, or the address, that shows it."""
    entries: tuple[TrackedEntry, ...]
