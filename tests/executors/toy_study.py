"""A study without training: numbered items in batches, and a decision behind each batch.

As a process of its own it is one agent of such a study, which kills itself where it is told to:

    python tests/executors/toy_study.py FOLDER NUM_ITEMS [POINT COUNT] [--seconds-an-epoch S]
"""

from __future__ import annotations

import hashlib
import os
import signal
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from xlite.executors.agent import WorkEnd, work
from xlite.run_folder.lock import hold_lock
from xlite.signals import StopRequest, catch_stop_signals
from xlite.studies import ledger as ledgers
from xlite.studies.folder import StudyFolder
from xlite.studies.item_result import ItemResult, ItemStart
from xlite.studies.ledger_entries import Begin, Score, entry_time
from xlite.studies.next_step import DueDecision, Step
from xlite.studies.rules.next_step import describe_loss
from xlite.studies.study_state import StudyState
from xlite.studies.work_item import WorkItem
from xlite.training.state import EpochReport

BATCH = 4
EPOCHS = 3


def begin(experiments: Path) -> StudyFolder:
    """A study that has begun, in an experiments folder."""
    folder = StudyFolder(experiments / "studies" / "toy")
    folder.ledger.append(
        Begin(at=entry_time(), agent="person", name="toy", plan="", root="../../..")
    )
    return folder


def item_of(number: int) -> WorkItem:
    return WorkItem(id=f"train:toy/{number}:s0", kind="train", subject=f"toy/{number}")


def find_step(num_items: int, state: StudyState) -> Step:
    """Batches one after the other: each begins once the decision on the one before stands."""
    for first in range(0, num_items, BATCH):
        subject = f"rule:{first}"
        if subject in state.decisions:
            continue
        items = [item_of(number) for number in range(first, min(first + BATCH, num_items))]
        if all(state.end_of(item.id) for item in items):
            ends = [state.items[item.id] for item in items]
            best = max(end.end.scores["val.auroc"].point for end in ends)  # type: ignore[union-attr, type-var]
            due = DueDecision(
                subject=subject,
                choice={"best": best},
                why=f"the best is {best}",
                saw=tuple(end.end_number for end in ends),
            )
            return Step(decisions=(due,))
        ready = [item for item in items if not state.end_of(item.id) and not state.is_held(item.id)]
        return Step(ready=tuple(ready))
    return Step(is_ended=True)


def perform(
    experiments: Path, seconds: float, item: WorkItem, stop: StopRequest
) -> Iterator[ItemStart | EpochReport | ItemResult]:
    """A run that saves after each epoch and goes on from there, to bytes that its id decides."""
    run_dir = experiments / "runs" / item.id.replace(":", "_").replace("/", "_")
    run_dir.mkdir(parents=True, exist_ok=True)
    with hold_lock(run_dir):
        yield ItemStart(run=run_dir.relative_to(experiments).as_posix())
        lines: list[str] = []
        saved = run_dir / "history.txt"
        if saved.exists():
            lines = saved.read_text(encoding="utf-8").splitlines()
        for epoch in range(len(lines), EPOCHS):
            time.sleep(seconds)
            lines.append(hashlib.sha256(f"{item.id} {epoch} {lines}".encode()).hexdigest())
            temporary = run_dir / "history.tmp"
            temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")
            temporary.replace(saved)
            yield EpochReport(epoch + 1, None, 0.0)
    point = int(lines[-1][:8], 16) / 0xFFFFFFFF
    yield ItemResult(
        outcome="finished",
        run=run_dir.relative_to(experiments).as_posix(),
        epochs=EPOCHS,
        scores={"val.auroc": Score(point=point)},
    )


def take_part(folder: StudyFolder, num_items: int, *, seconds: float = 0.0) -> WorkEnd:
    """Be an agent of the study until it has ended."""
    return work(
        folder,
        find_step=partial(find_step, num_items),
        perform=partial(perform, folder.experiments, seconds),
        describe_loss=describe_loss,
        stopping=catch_stop_signals,
    )


def die_at(point: str, count: int) -> None:
    """Make this process kill itself right before or after it writes its `count`-th entry."""
    link, seen = os.link, 0

    def watched(source: Path, target: Path) -> None:
        nonlocal seen
        seen += 1
        if point == "before" and seen == count:
            os.kill(os.getpid(), signal.SIGKILL)
        link(source, target)
        if point == "after" and seen == count:
            os.kill(os.getpid(), signal.SIGKILL)

    ledgers.os.link = watched  # type: ignore[attr-defined]


def main() -> None:
    folder, num_items, seconds, *rest = sys.argv[1:]
    if rest:
        die_at(rest[0], int(rest[1]))
    take_part(StudyFolder(Path(folder)), int(num_items), seconds=float(seconds))


if __name__ == "__main__":
    main()
