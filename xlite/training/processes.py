"""What the processes of one run say to each other; with a single process, nothing.

B images of a process's share, C classes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import torch
from lightning_fabric import Fabric
from torch import Tensor, distributed, nn

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


def join_rows(fabric: Fabric, rows: Tensor, counts: Sequence[int]) -> Tensor:
    """As `gather_rows`, with a graph through this process's own rows.

    Where every process computes the same of the joined rows and goes back from it, the sum of
    their gradients is that of one process with all the rows.
    """
    if fabric.world_size == 1:
        return rows
    pieces = list(torch.split(gather_rows(fabric, rows.detach(), counts), list(counts)))
    pieces[fabric.global_rank] = rows
    return torch.cat(pieces)


def start_alike(fabric: Fabric, model: nn.Module) -> None:
    """Give every process the main one's weights and buffers: files may differ between machines."""
    if fabric.world_size > 1:
        for tensor in model.state_dict().values():
            distributed.broadcast(tensor, src=0)


def sum_gradients(fabric: Fabric, parameters: Iterable[nn.Parameter]) -> None:
    """Replace each gradient, in place, by its sum over all processes.

    Once a step, when every process has its share: DistributedDataParallel's own exchange begins
    within the backward pass, and a process that fails there leaves the others waiting.
    """
    if fabric.world_size > 1:
        gradients = [p.grad for p in parameters if p.grad is not None]
        for work in [distributed.all_reduce(gradient, async_op=True) for gradient in gradients]:
            work.wait()


def average_statistics(fabric: Fabric, model: nn.Module) -> None:
    """Replace running batch statistics, in place, by their mean over all processes.

    SyncBatchNorm's are those of the whole batch already, those of layers in evaluation mode have
    not moved, and both stay as they are.
    """
    if fabric.world_size == 1:
        return
    layers = [
        layer
        for layer in model.modules()
        if isinstance(layer, nn.modules.batchnorm._BatchNorm)
        and not isinstance(layer, nn.SyncBatchNorm)
        and layer.training
    ]
    statistics = [
        tensor
        for layer in layers
        for tensor in (layer.running_mean, layer.running_var)
        if tensor is not None
    ]
    for work in [distributed.all_reduce(tensor, async_op=True) for tensor in statistics]:
        work.wait()
    for tensor in statistics:
        tensor.div_(fabric.world_size)


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


def share_from_main(value: object) -> Any:
    """What the main process passes, in every process: all have to call it."""
    told = [value]
    distributed.broadcast_object_list(told, src=0)
    return told[0]
