"""Predictions of a model: logits in memory, probs in a file.

N images, C classes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor
from torch.utils.data import DataLoader

from xlite import console
from xlite.errors import CheckFailedError
from xlite.loading.loader import Batch
from xlite.training.out_of_memory import OutOfMemoryError, agree_on_memory, is_out_of_memory
from xlite.training.processes import gather_values

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Outputs(NamedTuple):
    """What a model says of the N images of a loader, and what is true, in the table's order."""

    logits: NDArray[np.float32]
    """(N, C)"""
    targets: NDArray[np.int8]
    """(N, C)"""


@torch.inference_mode()
def predict_logits(
    model: torch.nn.Module,
    loader: DataLoader[Batch],
    *,
    fabric: Fabric,
    description: str = "validation",
    should_stop: Callable[[], bool] = lambda: False,
) -> Outputs | None:
    """The outputs for every image of a loader, or None when `should_stop` said so on the way.

    Each process takes its share of the loader's sampler, and all of them get the whole result:
    no image is padded in or counted twice. Where a batch does not fit into memory, it is computed
    in smaller parts, and so are those after it. The model is in evaluation mode during the call
    and every module as it was afterwards. Raises CheckFailedError, in all processes, when not even
    a single image fits.
    """
    modes = {module: module.training for module in model.modules()}
    model.eval()
    index: list[NDArray[np.int64]] = []
    logits: list[NDArray[np.float32]] = []
    targets: list[NDArray[np.int8]] = []
    is_stopped = False
    forward = PartedForward(lambda images: (model(images),), fabric)
    with (
        _explain_full_memory(fabric, description),
        console.progress_bar(len(loader), description, "batch") as bar,
    ):
        for batch in loader:
            if should_stop():
                is_stopped = True
                break
            logits += forward(batch.images)
            index.append(batch.index.numpy())
            targets.append(batch.targets.numpy())
            bar.update()
    for module, is_training in modes.items():
        module.training = is_training
    shares = gather_values(fabric, None if is_stopped else (index, logits, targets))
    whole: list[Any] = [share for share in shares if share is not None]
    if len(whole) < len(shares):
        return None
    rows, all_logits, all_targets = (
        np.concatenate([piece for share in whole for piece in share[kind]]) for kind in range(3)
    )
    order = np.argsort(rows, kind="stable")
    return Outputs(all_logits[order], all_targets[order])


class PartedForward:
    """What a model makes of batches, in as many parts as memory asks for."""

    def __init__(self, compute: Callable[[Tensor], tuple[Tensor, ...]], fabric: Fabric) -> None:
        self._compute, self._fabric = compute, fabric
        self._most: int | None = None

    @torch.inference_mode()
    def __call__(self, images: Tensor) -> list[NDArray[np.float32]]:
        """What `compute` makes of images (B, 1, S, S), an array (B, …) each."""
        while True:
            try:
                parts = torch.split(images, self._most or len(images))
                made = [self._predict(part) for part in parts]
                return [np.concatenate(pieces) for pieces in zip(*made, strict=True)]
            except RuntimeError as error:
                most = min(self._most or len(images), len(images)) // 2
                if not is_out_of_memory(error) or not most:
                    raise
            self._most = most
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
            console.warn(f"out of memory while predicting: {most} images at once from here on.")

    def _predict(self, images: Tensor) -> list[NDArray[np.float32]]:
        with self._fabric.autocast():
            outputs = self._compute(images.to(self._fabric.device, non_blocking=True))
        return [output.float().cpu().numpy() for output in outputs]


@contextmanager
def _explain_full_memory(fabric: Fabric, description: str) -> Iterator[None]:
    try:
        with agree_on_memory(fabric):
            yield
    except OutOfMemoryError as error:
        raise CheckFailedError(
            f"out of memory with a single image ({description}). Lower --image-size, choose a "
            "smaller model, or free memory.",
            resume="--resume continues.",
        ) from error


def to_probs(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    """Probs in [0, 1] by the logistic function, in float64 so that they don't tie at 1.

    >>> to_probs(np.array([0.0], dtype=np.float32))
    array([0.5])
    """
    from scipy.special import expit

    probs: NDArray[np.float64] = expit(logits.astype(np.float64))
    return probs
