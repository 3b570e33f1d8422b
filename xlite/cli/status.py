"""`xlite status`: the queue of runs as a table, once or while it goes on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from xlite import console, places
from xlite.cli import options
from xlite.cli.expansion import expand_groups
from xlite.cli.queue_table import print_queue
from xlite.cli.screen import follow
from xlite.errors import InputError

_EPILOG = "Example: xlite status --out experiments --watch"


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command("status", rich_help_panel="Training", epilog=_EPILOG)(expand_groups(status))


def status(
    out: options.ExperimentsDir = places.EXPERIMENTS_DIR,
    watch: Annotated[
        bool, typer.Option("--watch", help="Redraw until all runs have ended, or Ctrl-C.")
    ] = False,
    interval: Annotated[
        float, typer.Option("--interval", min=0.1, help="--watch: seconds between two drawings.")
    ] = 2.0,
    json: options.Json = False,
) -> None:
    """Show the runs of an experiments folder: status, epochs, best score, time left.

    The time left goes by a run's own seconds an epoch, or the mean of the others', to the last
    epoch: early stopping may end it sooner. "stopped" is a run whose process ended without a
    word; --resume of the command that trained it continues it. Of a "deleted" one the folder is
    gone.
    """
    if watch and json:
        raise InputError("--watch and --json exclude each other. Pass one.")
    now = _Picture(out)
    if json:
        console.result_json(now.to_json())
        return
    now.draw()
    if watch:
        follow(
            now,
            lambda: _Picture(out),
            _Picture.draw,
            is_over=lambda picture: picture.has_ended,
            interval=interval,
        )


class _Picture:
    """The runs and the studies of an experiments folder at one moment."""

    def __init__(self, out: Path) -> None:
        from xlite.executors.queue_status import read_queue_status
        from xlite.executors.study_status import read_studies

        self.studies = read_studies(out)
        # A study whose first run has not begun leaves no queue yet.
        has_queue = not self.studies or (out / places.TRAINING_PROGRESS).exists()
        self.queue = read_queue_status(out) if has_queue else None

    def to_json(self) -> dict[str, Any]:
        queue = {"runs": [], "seconds_left": 0.0} if self.queue is None else self.queue.to_json()
        studies = [study.to_json() for study in self.studies]
        return {**queue, **({"studies": studies} if studies else {})}

    def draw(self) -> None:
        if self.queue is not None:
            print_queue(self.queue)
        if self.studies:
            from xlite.cli.study_tables import print_studies

            print_studies(self.studies)

    @property
    def has_ended(self) -> bool:
        is_idle = all(study.state != "running" for study in self.studies)
        return is_idle and (self.queue is None or self.queue.has_ended)

    @property
    def timeless(self) -> object:
        runs = () if self.queue is None else self.queue.runs
        return (
            [(run.name, run.status, run.epochs_done) for run in runs],
            [study.timeless for study in self.studies],
        )
