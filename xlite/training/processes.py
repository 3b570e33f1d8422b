"""What the processes of one run say to each other; with a single process, nothing.

B images of a process's share, C classes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import torch
from lightning_fabric import Fabric
from torch import Tensor, distributed

from xlite.errors import XliteError

T = TypeVar("T")


def sum_over_processes(fabric: Fabric, values: Sequence[float]) -> list[float]:
    """The sum of each value over all processes, in float64."""
    if fabric.world_size == 1:
        return list(values)
    # MPS and some backends know no float64; those that train in several processes do.
    total = torch.tensor(values, dtype=torch.float64, device=fabric.device)
    distributed.all_reduce(total)
    return [float(value) for value in total.tolist()]


def gather_rows(fabric: Fabric, rows: Tensor, counts: Sequence[int]) -> Tensor:
    """The rows of all processes in the order of their ranks: (B, C) of counts[rank] rows each."""
    if fabric.world_size == 1:
        return rows
    padded = rows.new_zeros((max(counts), *rows.shape[1:]))
    padded[: len(rows)] = rows
    pieces = [torch.empty_like(padded) for _ in counts]
    distributed.all_gather(pieces, padded)
    return torch.cat([piece[:count] for piece, count in zip(pieces, counts, strict=True)])


def gather_values(fabric: Fabric, value: T) -> list[T]:
    """The picklable value of each process, in the order of their ranks."""
    if fabric.world_size == 1:
        return [value]
    values: list[Any] = [None] * fabric.world_size
    distributed.all_gather_object(values, value)
    return values


def decide_once(fabric: Fabric, decide: Callable[[], T]) -> T:
    """What `decide` gives in the main process, or its error, in every process.

    Processes that look at a file system one by one may see different things.
    """
    if fabric.world_size == 1:
        return decide()
    value: T | None = None
    error: XliteError | None = None
    if fabric.is_global_zero:
        try:
            value = decide()
        except XliteError as raised:
            error = raised
    value, error = fabric.broadcast((value, error))
    if error is not None:
        raise error
    return value  # type: ignore[return-value]  # set where no error is
