"""Tables of a study: agents, items, decisions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from xlite import console
from xlite.cli.durations import format_duration

if TYPE_CHECKING:
    from xlite.results.study_status import StatusItem, StudyStatus


def print_status(status: StudyStatus) -> None:
    """Print who is at what, what failed, and what was decided."""
    print_studies([status])
    _print_items("Ready", [item for item in status.items if item.status == "ready"])
    print_failures(status)
    print_decisions(status)


def print_studies(studies: Sequence[StudyStatus]) -> None:
    """Print what state each study is in, how many items it has, and who is at work on it."""
    for status in studies:
        console.result_text(f"study {status.name}: {status.state}, in {status.folder}")
        if status.items:
            summary = ", ".join(f"{count} {name}" for name, count in status.counts.items())
            left = status.seconds_left
            if left != 0 and any(item.status in ("ready", "at work") for item in status.items):
                summary += f"; left of these: {format_duration(left)}"
            console.result_text(f"items: {summary}")
        _print_agents(status)


def print_failures(status: StudyStatus) -> None:
    """Print the items that failed with their errors; nothing without one."""
    if status.failed:
        rows = [[item.id, item.error or ""] for item in status.failed]
        console.table("Failed", ["item", "error"], rows, wraps=["error"])


def print_decisions(status: StudyStatus) -> None:
    """Print what was decided and why, the winner, and what waits for a person."""
    if status.decisions:
        rows = [[one.subject, one.choice, one.why, one.who] for one in status.decisions]
        console.table(
            "Decisions",
            ["subject", "choice", "why", "by"],
            rows,
            wraps=["choice", "why"],
            drop_first=["by"],
        )
    if status.has_winner:
        winner = status.winner or "no improvement"
        console.result_text(f"winner: {winner} ({status.why})")
    for question in status.waiting_for:
        choices = ", ".join(f'"{choice}"' for choice in question.choices)
        console.result_text(f"open question {question.id}: {question.question} {choices}")


def _print_agents(status: StudyStatus) -> None:
    if not status.agents:
        return
    items = {item.id: item for item in status.items}
    rows = []
    for agent in status.agents:
        item = items.get(agent.item or "")
        rows.append(
            [
                f"{agent.host} {agent.pid}",
                agent.item or "looks for work",
                "" if item is None else _describe_epochs(item),
                "" if item is None else console.decimal(item.best_val_auroc),
                "" if item is None else format_duration(item.seconds_left),
                "" if agent.is_alive else "gives no sign of life",
            ]
        )
    columns = ["agent", "item", "epoch", "best val AUROC", "left", "remark"]
    if all(agent.is_alive for agent in status.agents):
        columns, rows = columns[:-1], [row[:-1] for row in rows]
    console.table("Agents", columns, rows, drop_first=["best val AUROC"])


_MOST_READY = 10


def _print_items(title: str, items: Sequence[StatusItem]) -> None:
    if not items:
        return
    rows = [[item.id, _describe_epochs(item), format_duration(item.seconds_left)] for item in items]
    more = len(items) - _MOST_READY
    console.table(
        title,
        ["item", "to epoch", "takes"],
        rows[:_MOST_READY],
        caption=f"and {more} more: --json" if more > 0 else None,
    )


def _describe_epochs(item: StatusItem) -> str:
    if item.epochs is None:
        return ""
    return str(item.epochs) if item.status == "ready" else f"{item.epochs_done}/{item.epochs}"
