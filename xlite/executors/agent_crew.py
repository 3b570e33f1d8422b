"""Several agents on one machine, each in a process of its own that shares its cores."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
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
from xlite.executors.agent import WorkEnd
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

_POLL_SECONDS = 0.2


class Agent(Protocol):
    """Works on a study until it has ended or waits for a person; it can be pickled."""

    def __call__(self, *, stopping: StopSource) -> WorkEnd:
        """Called in a process of its own."""


@dataclass(frozen=True)
class _Done:
    """The agent has nothing left to do."""


@dataclass(frozen=True)
class _Failed:
    """The agent has ended with an error."""

    message: str
    exit_code: int


@dataclass
class _Child:
    name: str
    process: BaseProcess
    connection: Connection
    is_open: bool = True
    last: object = None
    """What it said of its end."""


def work_side_by_side(agent: Agent, *, jobs: int, stopping: StopSource) -> None:
    """Have `jobs` agents work until none is left; what they say is said with their numbers.

    An agent that dies is said, and the others take its item over. Once what `stopping` gives is set
    each of them saves, and InterruptedRunError is raised; a KeyboardInterrupt ends all at once.
    Raises the error of an agent that failed, and CheckFailedError when all have died.
    """
    work = partial(_work_in_child, agent=agent, voice=Voice.for_one_of(jobs))
    with stopping() as stop:
        children = [_start(f"agent {number}", work) for number in range(1, jobs + 1)]
        try:
            _follow(list(children), stop)
        finally:
            for child in children:
                child.process.kill()
                child.process.join()
    _judge([child.last for child in children], stop)


def _work_in_child(connection: Connection, *, agent: Agent, voice: Voice) -> None:
    keep_freed_memory()
    with be_child(connection, voice) as messages:
        try:
            agent(stopping=catch_stop_signals)
        except (InterruptedRunError, KeyboardInterrupt):
            messages.put(Interrupted())
        except Exception as error:  # noqa: BLE001  # it is the parent's to raise
            messages.put(_Failed(*explain(error)))
        else:
            messages.put(_Done())


def _start(name: str, work: Callable[[Connection], None]) -> _Child:
    return _Child(name, *start_child(work, name=name))


def _follow(children: list[_Child], stop: StopRequest) -> None:
    """Listen to the agents until the last has ended."""
    was_asked = False
    while children:
        if stop and not was_asked:
            was_asked = True
            console.say("stopping: each agent saves what it is at; Ctrl-C again ends at once")
            # On Windows it would kill, and Ctrl-C has reached the children of a console by itself.
            if os.name != "nt":
                for child in children:
                    child.process.terminate()
        wait(
            [
                *(child.connection for child in children if child.is_open),
                *(child.process.sentinel for child in children),
            ],
            timeout=_POLL_SECONDS,
        )
        # Who has ended is asked before reading, so that none of its last words stay unread.
        ended = [child for child in children if not child.process.is_alive()]
        for child in children:
            _read(child)
        for child in ended:
            child.process.join()
            child.connection.close()
            children.remove(child)
            if child.last is None:
                death = describe_death(child.process.exitcode)
                console.warn(f"{child.name}: {death}. Others take over what it was at.")


def _read(child: _Child) -> None:
    try:
        while child.is_open and child.connection.poll():
            message = child.connection.recv()
            if isinstance(message, str):
                show_line(child.name, message)
            else:
                child.last = message
    except (EOFError, OSError):  # the second when a killed process has left half a message
        child.is_open = False


def _judge(ends: list[object], stop: StopRequest) -> None:
    """Raise what the agents' ends come to, if it is no end of the study."""
    if stop:
        raise InterruptedRunError(
            "stopped; all is saved. The same command goes on.",
            signal_number=stop.signal_number or 0,
        )
    # Who was done saw that nothing is left to do.
    if any(isinstance(end, _Done) for end in ends):
        for end in ends:
            if isinstance(end, _Failed):
                console.warn(f"an agent ended before its time: {end.message}")
        return
    failed = next((end for end in ends if isinstance(end, _Failed)), None)
    if failed is None:
        raise CheckFailedError(
            "all agents have died; nothing is lost, and the same command goes on. Lower --jobs if "
            "memory ran out."
        )
    kinds: dict[int, type[XliteError]] = {1: CheckFailedError, INTERNAL_ERROR: InternalError}
    raise kinds.get(failed.exit_code, InputError)(failed.message)
