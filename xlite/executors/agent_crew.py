"""Several agents on one machine, each in a process of its own that shares its cores."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Protocol

from xlite import console
from xlite.errors import (
    INTERNAL_ERROR,
    CheckFailedError,
    InputError,
    InternalError,
    InterruptedRunError,
    XliteError,
    explain,
)
from xlite.executors.agent import ItemNews, Listener, WorkEnd
from xlite.executors.child_process import (
    Interrupted,
    Voice,
    be_child,
    describe_death,
    show_line,
    start_child,
)
from xlite.own_process import keep_freed_memory
from xlite.signals import StopRequest, StopSource, catch_stop_signals
from xlite.studies.item_result import ItemResult
from xlite.studies.work_item import WorkItem

_POLL_SECONDS = 0.2


class Agent(Protocol):
    """Works on a study until it has ended or waits for a person; it can be pickled."""

    def __call__(self, *, stopping: StopSource) -> WorkEnd:
        """Called in a process of its own."""


class TellingAgent(Protocol):
    """As `Agent`; tells a listener what comes of each item."""

    def __call__(self, *, stopping: StopSource, listener: Listener) -> WorkEnd:
        """Called in a process of its own."""


class CrewParent:
    """What the process that has started the agents makes of what becomes of them."""

    stopping = "stopping: each agent saves what it is at; Ctrl-C again ends at once"
    names_items = False
    """Whether what an agent says is said under the name of its item, and not its own."""

    def say(self, name: str, line: str) -> None:
        """An agent says a line."""
        show_line(name, line)

    def hear(self, item: WorkItem, news: ItemNews) -> None:
        """What came of an item that an agent does, where agents tell."""

    def note_death(self, agent: str, item: WorkItem | None, death: str) -> bool:
        """An agent has died over an item, if it had one; whether another is to take its place."""
        console.warn(f"{agent}: {death}. Others take over what it was at.")
        return False

    def describe_stop(self, signal_number: int) -> InterruptedRunError:
        """All have saved what they were at, since a signal asked for an end."""
        return InterruptedRunError(
            "stopped; all is saved. The same command goes on.", signal_number=signal_number
        )


@dataclass(frozen=True)
class _Done:
    """The agent has nothing left to do."""


@dataclass(frozen=True)
class _Failed:
    """The agent has ended with an error."""

    message: str
    exit_code: int


@dataclass(frozen=True)
class _News:
    """What came of an item."""

    item: WorkItem
    news: ItemNews


@dataclass
class _Child:
    name: str
    process: BaseProcess
    connection: Connection
    is_open: bool = True
    item: WorkItem | None = None
    """What it is at, as far as it tells."""
    last: object = None
    """What it said of its end."""


def work_side_by_side(
    agent: Agent | TellingAgent,
    *,
    jobs: int,
    stopping: StopSource,
    parent: CrewParent | None = None,
) -> None:
    """Have `jobs` agents work until none is left; what they say is said with their numbers.

    An agent that dies is said, and the others take its item over. Once what `stopping` gives is set
    each of them saves, and InterruptedRunError is raised; a KeyboardInterrupt ends all at once.
    parent: what is made of these instead; it is told of each item, and of what its agent says.
    Raises the error of an agent that failed, and CheckFailedError when all have died.
    """
    voice = Voice.for_one_of(jobs)
    work = partial(_work_in_child, agent=agent, voice=voice, tells=parent is not None)
    crew = _Crew(work, parent or CrewParent())
    with stopping() as stop:
        try:
            for _ in range(jobs):
                crew.start()
            crew.follow(stop)
        finally:
            crew.end_at_once()
    crew.judge(stop)


def _work_in_child(
    connection: Connection, *, agent: Callable[..., WorkEnd], voice: Voice, tells: bool
) -> None:
    keep_freed_memory()
    with be_child(connection, voice) as messages:

        def tell(item: WorkItem, news: ItemNews) -> None:
            messages.put(_News(item, news))

        try:
            agent(stopping=catch_stop_signals, **({"listener": tell} if tells else {}))
        except (InterruptedRunError, KeyboardInterrupt):
            messages.put(Interrupted())
        except Exception as error:  # noqa: BLE001  # it is the parent's to raise
            messages.put(_Failed(*explain(error)))
        else:
            messages.put(_Done())


@dataclass
class _Crew:
    """The agents that live, and what has become of the others."""

    work: Callable[[Connection], None]
    parent: CrewParent
    children: list[_Child] = field(default_factory=list)
    ends: list[object] = field(default_factory=list)
    num_started: int = 0

    def start(self) -> None:
        """Start another agent."""
        self.num_started += 1
        name = f"agent {self.num_started}"
        self.children.append(_Child(name, *start_child(self.work, name=name)))

    def follow(self, stop: StopRequest) -> None:
        """Listen to the agents until the last has ended."""
        was_asked = False
        while self.children:
            if stop and not was_asked:
                was_asked = True
                console.say(self.parent.stopping)
                # On Windows it would kill, and Ctrl-C reaches the children of a console by itself.
                if os.name != "nt":
                    for child in self.children:
                        child.process.terminate()
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
                self._note_end(child, is_stopping=was_asked)

    def end_at_once(self) -> None:
        """Kill the agents that are left: what they have not saved is lost."""
        for child in self.children:
            child.process.kill()
            child.process.join()
            if child.item is not None:
                self.parent.hear(child.item, None)

    def judge(self, stop: StopRequest) -> None:
        """Raise what the agents' ends come to, if it is no end of the study."""
        if stop:
            raise self.parent.describe_stop(stop.signal_number or 0)
        # Who was done saw that nothing is left to do.
        if any(isinstance(end, _Done) for end in self.ends):
            for end in self.ends:
                if isinstance(end, _Failed):
                    console.warn(f"an agent ended before its time: {end.message}")
            return
        failed = next((end for end in self.ends if isinstance(end, _Failed)), None)
        if failed is None:
            raise CheckFailedError(
                "all agents have died; nothing is lost, and the same command goes on. Lower --jobs "
                "if memory ran out."
            )
        kinds: dict[int, type[XliteError]] = {1: CheckFailedError, INTERNAL_ERROR: InternalError}
        raise kinds.get(failed.exit_code, InputError)(failed.message)

    def _read(self, child: _Child) -> None:
        try:
            while child.is_open and child.connection.poll():
                match child.connection.recv():
                    case str() as line:
                        self.parent.say(self._name(child), line)
                    case _News(item, news):
                        has_ended = news is None or isinstance(news, ItemResult)
                        child.item = None if has_ended else item
                        self.parent.hear(item, news)
                    case last:
                        child.last = last
        except (EOFError, OSError):  # the second when a killed process has left half a message
            child.is_open = False

    def _name(self, child: _Child) -> str:
        if child.item is None or not self.parent.names_items:
            return child.name
        return child.item.label

    def _note_end(self, child: _Child, *, is_stopping: bool) -> None:
        child.process.join()
        child.connection.close()
        self.children.remove(child)
        self.ends.append(child.last)
        if child.last is not None:
            return
        if is_stopping and child.item is not None:
            self.parent.hear(child.item, None)
            return
        death = describe_death(child.process.exitcode)
        is_replaced = self.parent.note_death(child.name, child.item, death)
        if is_replaced and not is_stopping:
            self.start()
