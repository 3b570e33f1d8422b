"""A run's own process: it trains, and tells its parent what it says and how far it is.

Its messages are lines of text, `Started`, `EpochReport`, and at the end an `Outcome` or
`Interrupted`.
"""

from __future__ import annotations

from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING

import torch

from xlite.errors import InterruptedRunError
from xlite.executors.child_process import Interrupted, Voice, be_child
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


def train_in_child(
    connection: Connection,
    *,
    run: StudyRun,
    data: StudyData,
    runtime: Runtime,
    resume: bool,
    voice: Voice,
) -> None:
    """Train a run and tell `connection` all of it."""
    if runtime.device == "cpu" or not torch.cuda.is_available():
        keep_freed_memory()
    with be_child(connection, voice) as messages:
        messages.put(Started())
        try:
            with catch_stop_signals() as stop:
                for news in run_training_job(run, data, runtime=runtime, resume=resume, stop=stop):
                    messages.put(news)
        except (InterruptedRunError, KeyboardInterrupt):
            messages.put(Interrupted())
