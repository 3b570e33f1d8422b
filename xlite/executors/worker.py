"""A run's own process: it trains, and tells its parent what it says and how far it is.

Everything goes through one pipe: lines of text, `Started`, `EpochReport`, and at the end an
`Outcome` or `Interrupted`.
"""

from __future__ import annotations

import contextlib
import io
import multiprocessing
import os
import queue
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

import cv2
import torch

from xlite import console
from xlite.errors import InterruptedRunError
from xlite.executors.training_job import run_training_job
from xlite.own_process import keep_freed_memory
from xlite.signals import catch_stop_signals
from xlite.studies.outcome import StudyRun

if TYPE_CHECKING:
    from xlite.settings import Runtime
    from xlite.training.data import StudyData


@dataclass(frozen=True)
class Started:
    """The process has loaded what it needs and begins to train."""


@dataclass(frozen=True)
class Interrupted:
    """A signal asked for an end, and the run is saved."""


@dataclass(frozen=True)
class Speech:
    """What the parent's user wants to hear."""

    verbosity: int
    shows_tracebacks: bool


def train_in_child(
    connection: Connection,
    run: StudyRun,
    data: StudyData,
    *,
    runtime: Runtime,
    resume: bool,
    num_threads: int,
    speech: Speech,
) -> None:
    """Train a run with `num_threads` threads and tell `connection` all of it."""
    if runtime.device == "cpu" or not torch.cuda.is_available():
        keep_freed_memory()
    torch.set_num_threads(num_threads)
    cv2.setNumThreads(num_threads)
    console.set_verbosity(speech.verbosity)
    console.show_tracebacks(speech.shows_tracebacks)
    threading.Thread(target=_end_with_parent, name="xlite-parent", daemon=True).start()
    with _send_through(connection) as messages, contextlib.redirect_stderr(_Lines(messages)):
        messages.put(Started())
        try:
            with catch_stop_signals() as stop:
                for news in run_training_job(run, data, runtime=runtime, resume=resume, stop=stop):
                    messages.put(news)
        except (InterruptedRunError, KeyboardInterrupt):
            messages.put(Interrupted())


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
        # Nobody would record the end of this run, or stop it: save it, for --resume.
        os.kill(os.getpid(), signal.SIGTERM)
