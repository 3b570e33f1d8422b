"""A process of its own that tells its parent what it says, and ends with it.

Everything goes through one pipe: lines of text, and whatever else its messages are.
"""

from __future__ import annotations

import contextlib
import io
import multiprocessing
import os
import queue
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

from xlite import console
from xlite.signals import hold_back_interrupts


@dataclass(frozen=True)
class Interrupted:
    """A signal asked for an end, and what the process was at is saved."""


@dataclass(frozen=True)
class Voice:
    """How a child takes after its parent: its threads, and what the user wants to hear."""

    num_threads: int
    verbosity: int
    shows_tracebacks: bool

    @classmethod
    def for_one_of(cls, num_processes: int) -> Voice:
        """That of a child which shares the machine's cores with its brothers."""
        return cls(max(1, count_cores() // num_processes), *console.current_settings())


def start_child(
    target: Callable[[Connection], None], *, name: str
) -> tuple[BaseProcess, Connection]:
    """A new process that calls `target` with the pipe that it tells, and the pipe's other end."""
    # A fork would inherit torch's and OpenCV's threads as locks that nobody opens again. And a
    # pipe for each child: the lock of a common queue would die with the process that holds it.
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=target, args=(sender,), name=name)
    # Its own start would let interrupts through again.
    resource_tracker.ensure_running()
    with hold_back_interrupts():
        process.start()
    sender.close()
    return process, receiver


@contextmanager
def be_child(connection: Connection, voice: Voice) -> Iterator[queue.SimpleQueue[Any]]:
    """Within the block the process tells its parent what is put into the queue and what it says.

    Imports torch, and sets its threads and OpenCV's.
    """
    import cv2
    import torch

    torch.set_num_threads(voice.num_threads)
    cv2.setNumThreads(voice.num_threads)
    console.set_verbosity(voice.verbosity)
    console.show_tracebacks(voice.shows_tracebacks)
    threading.Thread(target=_end_with_parent, name="xlite-parent", daemon=True).start()
    with _send_through(connection) as messages, contextlib.redirect_stderr(_Lines(messages)):
        yield messages


def show_line(name: str, line: str) -> None:
    """Say a line of the child called `name`."""
    if line.startswith("warning: "):
        console.warn(f"{name}: {line.removeprefix('warning: ')}")
    elif line.startswith("error: "):
        console.error(line.removeprefix("error: "))
    else:
        console.say(f"{name} | {line}")


def describe_death(exit_code: int | None) -> str:
    """What an exit code of a process without a last word means.

    >>> describe_death(-9)
    'its process was killed by SIGKILL (exit code -9), as systems do that run out of memory'
    """
    if exit_code is not None and exit_code < 0:
        cause = f"was killed by {signal.Signals(-exit_code).name} (exit code {exit_code})"
    else:
        cause = f"ended by itself with exit code {exit_code}"
    return f"its process {cause}, as systems do that run out of memory"


def count_cores() -> int:
    """The cores that this process may use."""
    # A container or a batch system may grant fewer than the machine has.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def _send_through(connection: Connection) -> Iterator[queue.SimpleQueue[Any]]:
    """A queue whose items a thread sends; unlike a connection, a signal handler may use it."""
    messages: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def send() -> None:
        # Without a parent nobody listens, and the run is about to be saved.
        with contextlib.suppress(OSError):
            while (message := messages.get()) is not None:
                connection.send(message)

    sender = threading.Thread(target=send, name="xlite-messages", daemon=True)
    sender.start()
    try:
        yield messages
    finally:
        messages.put(None)
        sender.join()


class _Lines(io.TextIOBase):
    """A text stream whose whole lines become messages; no terminal, so bars stay away."""

    def __init__(self, messages: queue.SimpleQueue[Any]) -> None:
        self._messages = messages
        self._begun = ""

    def write(self, text: str, /) -> int:
        *lines, self._begun = (self._begun + text).split("\n")
        for line in lines:
            self._messages.put(line)
        return len(text)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        # Nobody would hear of what it does, or stop it: have it save its state.
        os.kill(os.getpid(), signal.SIGTERM)
