"""A DataLoader whose processes leave signals to their parent; errors of theirs are raised.

What a batch is, is its data set's business.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import threading
import traceback
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from multiprocessing import resource_tracker
from typing import TYPE_CHECKING, Any, Self, TypeVar

import cv2
import torch
from torch.utils.data import DataLoader, Dataset

from xlite.errors import XliteError
from xlite.signals import hold_back_interrupts

if TYPE_CHECKING:
    from multiprocessing.context import BaseContext

_KNOWS_SENDERS = hasattr(signal, "sigwaitinfo")
"""Whether a process can tell who has sent it a signal; not on macOS and Windows."""

_DEAD_WORKER = "DataLoader worker"
"""How torch begins its message about one that is gone."""

_PRELOADED = ["xlite.loading.loader", "xlite.loading.transforms"]
"""What the server of processes imports once for all of them."""


@dataclass(frozen=True)
class Failure:
    """An exception on its way out of a loader process.

    torch would raise another one in the parent, of the same type if that takes a single argument,
    with the whole traceback as its message.
    """

    error: Exception

    @classmethod
    def of(cls, error: Exception) -> Failure:
        """The exception with its traceback as a note, which only a traceback shows."""
        error.add_note(f"In a loader process:\n{''.join(traceback.format_exception(error))}")
        try:
            pickle.loads(pickle.dumps(error))
        except Exception:  # noqa: BLE001  # whatever its __reduce__ does
            return cls(RuntimeError(f"{type(error).__name__}: {error}"))
        return cls(error)


_T = TypeVar("_T")


class BatchLoader(DataLoader[_T]):
    """Batches of a data set that makes each by itself, or hands over a `Failure`."""

    @classmethod
    def open(
        cls,
        dataset: Dataset[_T],
        batches: Iterable[Any],
        *,
        num_workers: int,
        pin_memory: bool = False,
    ) -> Self:
        """A loader of the batches that `batches` gives the keys of, made by so many processes."""
        return cls(
            dataset,
            batch_sampler=batches,
            num_workers=num_workers,
            multiprocessing_context=_choose_context() if num_workers else None,
            persistent_workers=num_workers > 0,
            collate_fn=_keep_batch,  # __getitems__ has made the batch
            pin_memory=pin_memory,
            worker_init_fn=_prepare_worker,
            # Each iteration draws a seed for the workers' torch, which they don't use, and would
            # draw it from everybody's generator.
            generator=torch.Generator(),
        )

    def __iter__(self) -> Iterator[_T]:  # type: ignore[override]
        if self.num_workers and hasattr(signal, "pthread_sigmask"):
            # Its own start would let the signals through again.
            resource_tracker.ensure_running()
        # Slurm sends SIGTERM to every process of a job: without them the trainer could not save.
        with hold_back_interrupts(*([signal.SIGTERM] if _KNOWS_SENDERS else [])):
            batches = super().__iter__()
        try:
            for batch in batches:
                if isinstance(batch, Failure):
                    raise batch.error
                yield batch
        except RuntimeError as error:
            if _DEAD_WORKER not in str(error):
                raise
            raise XliteError(
                "a loader process was killed, most often because memory ran out. Pass fewer "
                "--workers."
            ) from error


def _choose_context() -> BaseContext:
    # A fork of a process in which OpenCV has used its threads hangs in OpenCV. Workers come
    # from a clean server instead, which has done the slow imports once for all of them.
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_PRELOADED)
    return context


def _keep_batch(batch: Any) -> Any:
    return batch


def _prepare_worker(_: int) -> None:
    if _KNOWS_SENDERS:
        threading.Thread(target=_end_for_parent, name="xlite-end", daemon=True).start()
    # Ctrl-C reaches the whole process group; the trainer decides when its workers stop.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Loader processes are the parallelism; OpenCV's own threads would fight them for cores.
    cv2.setNumThreads(1)
    torch.set_num_threads(1)


def _end_for_parent() -> None:
    """End this process on a SIGTERM of the trainer's, which is to end it; leave those of others.

    SIGTERM is held back in all threads of a loader process, and waits to be asked for here.
    """
    parent = multiprocessing.parent_process()
    while parent is not None:
        if signal.sigwaitinfo({signal.SIGTERM}).si_pid == parent.pid:
            os._exit(128 + signal.SIGTERM)
