"""Predictions of a model: logits in memory, probs in a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.utils.data import DataLoader

from xlite import console
from xlite.dataset.loader import Batch

if TYPE_CHECKING:
    from numpy.typing import NDArray


@torch.inference_mode()
def predict_logits(
    model: Any, loader: DataLoader[Batch], *, device: torch.device, description: str = "validation"
) -> tuple[NDArray[np.float32], NDArray[np.int8]]:
    """Logits (N, C) and targets (N, C) of all batches of a loader, in its order.

    The model is in evaluation mode during the call and as it was afterwards.
    """
    was_training = model.training
    model.eval()
    logits: list[NDArray[np.float32]] = []
    targets: list[NDArray[np.int8]] = []
    with console.progress_bar(len(loader), description, "batch") as bar:
        for batch in loader:
            output = model(batch.images.to(device, non_blocking=True))
            logits.append(output.float().cpu().numpy())
            targets.append(batch.targets.numpy())
            bar.update()
    model.train(was_training)
    return np.concatenate(logits), np.concatenate(targets)


def to_probs(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    """Probs in [0, 1] by the logistic function, in float64 so that they don't tie at 1.

    >>> to_probs(np.array([0.0], dtype=np.float32))
    array([0.5])
    """
    from scipy.special import expit

    probs: NDArray[np.float64] = expit(logits.astype(np.float64))
    return probs
