"""Predictions of a model: logits in memory, probs in a file.

N images, C classes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from lightning_fabric import Fabric
from torch.utils.data import DataLoader

from xlite import console
from xlite.dataset.loader import Batch
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
    no image is padded in or counted twice. The model is in evaluation mode during the call and
    every module as it was afterwards.
    """
    modes = {module: module.training for module in model.modules()}
    model.eval()
    index: list[NDArray[np.int64]] = []
    logits: list[NDArray[np.float32]] = []
    targets: list[NDArray[np.int8]] = []
    is_stopped = False
    with console.progress_bar(len(loader), description, "batch") as bar:
        for batch in loader:
            if should_stop():
                is_stopped = True
                break
            with fabric.autocast():
                output = model(batch.images.to(fabric.device, non_blocking=True))
            index.append(batch.index.numpy())
            logits.append(output.float().cpu().numpy())
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


def to_probs(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    """Probs in [0, 1] by the logistic function, in float64 so that they don't tie at 1.

    >>> to_probs(np.array([0.0], dtype=np.float32))
    array([0.5])
    """
    from scipy.special import expit

    probs: NDArray[np.float64] = expit(logits.astype(np.float64))
    return probs
