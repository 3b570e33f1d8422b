"""A study without training: numbered items in batches, and a decision behind each batch."""

from __future__ import annotations

import hashlib
import os
import signal
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from xlite.errors import CheckFailedError
from xlite.executors.agent import WorkEnd, work
from xlite.run_folder.lock import hold_lock
from xlite.signals import StopRequest, StopSource, catch_stop_signals
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


def draw(text: str) -> float:
    """A number in [0, 1] that follows from a text."""
    return int(hashlib.sha256(text.encode()).hexdigest()[:8], 16) / 0xFFFFFFFF


def history_of(name: str, epochs: int) -> str:
    """What a run of that name has written after so many epochs."""
    lines: list[str] = []
    for epoch in range(epochs):
        lines.append(hashlib.sha256(f"{name} {epoch} {lines}".encode()).hexdigest())
    return "".join(f"{line}\n" for line in lines)


def train(
    experiments: Path, name: str, epochs: int, *, seconds: float
) -> Iterator[ItemStart | EpochReport]:
    """A run that saves after each epoch and goes on from there, to bytes that its name decides."""
    run_dir = experiments / name
    run_dir.mkdir(parents=True, exist_ok=True)
    with hold_lock(run_dir):
        yield ItemStart(run=name)
        saved = run_dir / "history.txt"
        text = saved.read_text(encoding="utf-8") if saved.exists() else ""
        for epoch in range(text.count("\n"), epochs):
            time.sleep(seconds)
            line = hashlib.sha256(f"{name} {epoch} {text.splitlines()}".encode()).hexdigest()
            text += f"{line}\n"
            temporary = run_dir / "history.tmp"
            temporary.write_text(text, encoding="utf-8")
            temporary.replace(saved)
            yield EpochReport(epoch + 1, None, 0.0)


def perform(
    experiments: Path, seconds: float, item: WorkItem, stop: StopRequest
) -> Iterator[ItemStart | EpochReport | ItemResult]:
    """The run of an item; its score follows from its id."""
    name = f"runs/{item.id.replace(':', '_').replace('/', '_')}"
    yield from train(experiments, name, EPOCHS, seconds=seconds)
    scores = {"val.auroc": Score(point=draw(item.id))}
    yield ItemResult(outcome="finished", run=name, epochs=EPOCHS, scores=scores)


def take_part(folder: StudyFolder, num_items: int, *, seconds: float = 0.0) -> WorkEnd:
    """Be an agent of the study until it has ended."""
    return work(
        folder,
        find_step=partial(find_step, num_items),
        perform=partial(perform, folder.experiments, seconds),
        describe_loss=describe_loss,
        stopping=catch_stop_signals,
    )


def take_part_unless_first(folder: Path, num_items: int, *, stopping: StopSource) -> WorkEnd:
    """Be an agent; of several, the first dies as soon as it has claimed an item."""
    try:
        (folder / "first").touch(exist_ok=False)
    except FileExistsError:
        return take_part(StudyFolder(folder), num_items, seconds=0.01)
    die_at("after", 1)
    return take_part(StudyFolder(folder), num_items)


def touch_freed_memory(*, stopping: StopSource) -> WorkEnd:
    """Be an agent that only frees memory and takes it again, and fails when that costs faults."""
    import resource

    _take_and_free()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        _take_and_free()
    faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
    if faults > 1_000:
        raise CheckFailedError(f"{faults} page faults")
    return WorkEnd(state=StudyState())


def _take_and_free() -> int:
    return len(b"x" * (64 << 20))


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
