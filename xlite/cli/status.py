"""`xlite status`: the queue of runs as a table, once or while it goes on."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Annotated

import typer

from xlite import console, places
from xlite.cli import options
from xlite.cli.durations import format_duration
from xlite.cli.expansion import expand_groups
from xlite.errors import InputError

if TYPE_CHECKING:
    from xlite.executors.queue_status import QueueStatus

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
    from xlite.executors.queue_status import read_queue_status

    if watch and json:
        raise InputError("--watch and --json exclude each other. Pass one.")
    queue = read_queue_status(out)
    if json:
        console.result_json(queue.to_json())
        return
    _draw(queue)
    if not watch:
        return
    try:
        while not queue.has_ended:
            time.sleep(interval)
            seen, queue = queue, read_queue_status(out)
            # A log need not hear every two seconds that two seconds have gone by.
            if sys.stdout.isatty() or _timeless(queue) != _timeless(seen):
                _clear_screen()
                _draw(queue)
    except KeyboardInterrupt:
        return


def _draw(queue: QueueStatus) -> None:
    summary = ", ".join(f"{count} {status}" for status, count in queue.counts.items())
    if queue.seconds_left != 0:
        summary += f"; left in total: {format_duration(queue.seconds_left)}"
    columns = ["run", "status", "epoch", "best val AUROC", "elapsed", "left"]
    rows = [
        [
            run.name,
            run.status,
            f"{run.epochs_done}/{'?' if run.epochs is None else run.epochs}",
            console.decimal(run.best_val_auroc),
            format_duration(run.seconds),
            "" if run.seconds_left == 0 else format_duration(run.seconds_left),
        ]
        for run in queue.runs
    ]
    if any(run.error or run.note for run in queue.runs):
        columns.append("remark")
        for row, run in zip(rows, queue.runs, strict=True):
            row.append(run.error or run.note or "")
    console.table(
        "Runs", columns, rows, caption=summary, wraps=["remark"], drop_first=["elapsed", "left"]
    )


def _timeless(queue: QueueStatus) -> list[tuple[object, ...]]:
    return [(run.name, run.status, run.epochs_done) for run in queue.runs]


def _clear_screen() -> None:
    from rich.console import Console

    Console().clear()  # nothing where that is no terminal
