"""The queue of runs as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xlite import console
from xlite.cli.durations import format_duration

if TYPE_CHECKING:
    from xlite.executors.queue_status import QueueStatus


def print_queue(queue: QueueStatus) -> None:
    """Print the runs in the order of the queue, and what is left of all of them."""
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
