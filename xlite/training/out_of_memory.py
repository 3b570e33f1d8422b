"""What happens when a process runs out of memory: all processes of the run hear of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from lightning_fabric import Fabric

from xlite.errors import LostProcessError
from xlite.training.processes import sum_over_processes


class OutOfMemoryError(Exception):
    """Some process could not do its share for want of memory; raised in all of them."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether torch gave up for want of memory, on a GPU or on the CPU."""
    is_cpu = isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
    return isinstance(error, torch.OutOfMemoryError) or is_cpu


@contextmanager
def agree_on_memory(fabric: Fabric, *, meets_within: bool = False) -> Iterator[None]:
    """A block after which all processes know whether one of them ran out of memory in it.

    Every process has to come by. meets_within: they exchange values within the block, too
    (batch statistics), so that one that fails has left the others waiting there. Raises
    OutOfMemoryError in every process, or LostProcessError in the one that failed.
    """
    cause: RuntimeError | None = None
    try:
        yield
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        cause = error
    if cause is not None and meets_within:
        raise LostProcessError(
            f"process {fabric.global_rank} ran out of memory while the others waited for its "
            "batch statistics, so all of them end; the last checkpoint is good. Raise "
            "--accumulate or lower --batch-size.",
            resume="Pass --resume, too.",
        ) from cause
    if any(sum_over_processes(fabric, [float(cause is not None)])):
        raise OutOfMemoryError from cause
