"""What all trackers have in common, and how one is opened. Each is one module and one extra."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from xlite.errors import InputError, did_you_mean
from xlite.tracking.tracked import Tracked

TRACKERS = ("tensorboard", "wandb", "mlflow", "trackio")
"""Each is an extra of that name."""


class Tracker(Protocol):
    """An open tracker. What it has already is not written again, whoever wrote it and died."""

    @property
    def where(self) -> str:
        """The folder or address that it writes to."""

    @property
    def show(self) -> str:
        """The command that shows what is there."""

    @property
    def folder(self) -> Path | None:
        """The folder that it writes to, where one process at a time may; None for an address."""

    def write(self, tracked: Tracked) -> int:
        """The number of steps that were new, after all that is told is there.

        Raises InputError where the tracker has other values under the same name.
        """

    def close(self) -> None:
        """End what is open; what goes on is written by the next one."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a tracker is to write."""

    out: str | None
    """As it was given; None for the tracker's own variable of the environment, else `folder`."""
    folder: Path
    project: str | None
    """As it was given; None for `default_project`."""
    default_project: str

    def find_folder(self, own: str | None) -> Path:
        """The folder that was given, or `own`, that of the environment, or the default."""
        return Path(self.out or own or self.folder)


def open_tracker(to: str, place: Place) -> Tracker:
    """The tracker called `to`, open.

    Raises InputError for a name that is none, one whose extra is not installed, and a place that it
    can't write to.
    """
    if to not in TRACKERS:
        raise InputError(
            f"{to!r} is no tracker.{did_you_mean(to, TRACKERS)} There are: {', '.join(TRACKERS)}."
        )
    try:
        module = importlib.import_module(f"xlite.tracking.{to}_tracker")
        tracker: Tracker = module.open_place(place)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("xlite"):
            raise
        raise InputError(
            f"{to} is not installed ({error.name} is missing). Install it with `pip install "
            f'"xlite[{to}]"`.'
        ) from None
    return tracker
