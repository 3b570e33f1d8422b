"""Runs side by side on one machine, each in a process of its own.

The parent starts the processes, keeps the record and shows what they say; each run has its own
lock, its own checkpoint and its own end. A process that dies takes nothing but its run along.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import TYPE_CHECKING

from xlite import console
from xlite.errors import InterruptedRunError
from xlite.executors.child_process import (
    Interrupted,
    Voice,
    describe_death,
    show_line,
    start_child,
)
from xlite.executors.worker import Started, train_in_child
from xlite.signals import StopRequest
from xlite.studies.outcome import Outcome, StudyRun
from xlite.training.folded_data import data_of
from xlite.training.state import EpochReport

if TYPE_CHECKING:
    from xlite.executors.study_record import StudyRecord
    from xlite.settings import Runtime
    from xlite.training.folded_data import AnyData

_POLL_SECONDS = 0.2


def train_side_by_side(
    runs: Sequence[StudyRun],
    data: AnyData,
    record: StudyRecord,
    *,
    runtime: Runtime,
    resume: bool,
    stop: StopRequest,
) -> list[Outcome]:
    """Train `runtime.jobs` runs at a time; returns their outcomes in the order of their ends.

    Once `stop` is set each of them finishes its step, saves and ends, and InterruptedRunError is
    raised; a KeyboardInterrupt ends all of them at once.
    """
    train = partial(
        train_in_child,
        runtime=runtime,
        resume=resume,
        voice=Voice.for_one_of(runtime.jobs),
    )
    crew = _Crew(record)
    waiting = deque(runs)
    next_start = 0.0
    try:
        while crew.children or (waiting and not stop):
            if stop:
                crew.stop()
            elif waiting and len(crew.children) < runtime.jobs and time.monotonic() >= next_start:
                run = waiting.popleft()
                record.claim(run)
                crew.start(run, partial(train, data=data_of(data, run.planned.fold)))
            if crew.listen():
                next_start = time.monotonic() + runtime.pause_seconds
    finally:
        crew.end_at_once()
    if stop:
        raise InterruptedRunError(
            f"stopped: {len(crew.outcomes)} of {len(runs)} runs have ended, the state of "
            f"{len(crew.interrupted)} is saved. The same command with --resume continues from "
            "there.",
            signal_number=stop.signal_number or 0,
        )
    return crew.outcomes


@dataclass
class _Child:
    """A run's process as the parent sees it."""

    run: StudyRun
    process: BaseProcess
    connection: Connection
    was_started: bool = False
    is_open: bool = True
    """Whether more may come through the connection."""
    outcome: Outcome | None = None


@dataclass
class _Crew:
    """The children that live, and what has become of the others."""

    record: StudyRecord
    children: list[_Child] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    interrupted: list[StudyRun] = field(default_factory=list)
    is_stopping: bool = False

    def start(self, run: StudyRun, train: partial[None]) -> None:
        """Start the process that trains a run."""
        process, connection = start_child(partial(train, run=run), name=run.name)
        self.children.append(_Child(run, process, connection))

    def stop(self) -> None:
        """Ask each child, once, to save and end."""
        if self.is_stopping:
            return
        self.is_stopping = True
        console.say("stopping: each run finishes its step and saves; Ctrl-C again ends at once")
        # On Windows it would kill, and Ctrl-C has reached the children of a console by itself.
        if os.name != "nt":
            for child in self.children:
                child.process.terminate()

    def end_at_once(self) -> None:
        """Kill the children that are left: what they have not saved is lost."""
        for child in self.children:
            child.process.kill()
            child.process.join()
            if child.was_started:
                self.record.interrupt(child.run)

    def listen(self) -> bool:
        """Wait a little for children to speak or end, and note it; whether one has ended."""
        wait(
            [
                *(child.connection for child in self.children if child.is_open),
                *(child.process.sentinel for child in self.children),
            ],
            timeout=_POLL_SECONDS,
        )
        # Who has ended is asked before reading, so that none of its last words stay unread.
        ended = [child for child in self.children if not child.process.is_alive()]
        for child in self.children:
            self._read(child)
        for child in ended:
            self._note_end(child)
        return bool(ended)

    def _read(self, child: _Child) -> None:
        try:
            while child.is_open and child.connection.poll():
                self._note(child, child.connection.recv())
        except (EOFError, OSError):  # the second when a killed process has left half a message
            child.is_open = False

    def _note(self, child: _Child, message: object) -> None:
        match message:
            case str():
                show_line(child.run.name, message)
            case Started():
                child.was_started = True
                self.record.start(child.run)
            case EpochReport():
                self.record.report(child.run, message)
            case Outcome():
                child.outcome = message
            case Interrupted():
                self._note_interruption(child.run)

    def _note_interruption(self, run: StudyRun) -> None:
        self.interrupted.append(run)
        self.record.interrupt(run)

    def _note_end(self, child: _Child) -> None:
        child.process.join()
        child.connection.close()
        self.children.remove(child)
        run, outcome = child.run, child.outcome
        if outcome is None and self.is_stopping:
            if child.was_started and run not in self.interrupted:
                self._note_interruption(run)
            return
        if outcome is None:
            error = (
                f"{describe_death(child.process.exitcode)}. Lower --jobs or --batch-size if so; "
                "--resume continues from its last checkpoint."
            )
            outcome = Outcome(run.name, run.run_dir, None, error)
            console.error(f"{run.name} failed: {outcome.error}")
        self.record.end(run, outcome)
        self.outcomes.append(outcome)
