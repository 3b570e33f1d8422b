"""How low a loss has to come before it counts as learnt by heart.

N images, C classes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor

from xlite.losses.training_loss import TrainingLoss, build_training_loss
from xlite.settings import LossSettings
from xlite.settings.loss import UNSMOOTHABLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

USUAL_SMOOTHING = 0.1
"""ε where a run has none: that of Szegedy et al. 2016 (arXiv:1512.00567)."""

_GRID = np.linspace(-20.0, 20.0, 401)
"""Logits among which the best one of an entry is looked for."""


class Floor(NamedTuple):
    """A loss that answers can come to, and whose it is."""

    value: float
    rule: str
    """In words, for whoever reads the number."""


def find_floor(
    settings: LossSettings,
    labels: NDArray[np.int8],
    vocabulary: Sequence[str],
    smoothing: float = 0.0,
) -> Floor:
    """The smallest loss that answers to these labels (N, C) have while targets are smoothed.

    With targets smoothed by ε (`smoothing`, or 0.1 for 0) an entry costs t ℓ⁺(z) + (1 - t) ℓ⁻(z),
    t = y (1 - ε) + ε/2, and no logit z is free of cost: for bce the least is the entropy of ε/2,
    at a prob of 1 - ε/2. The floor is the mean of these, for the loss with all its weights and
    margins. The same loss without smoothing goes below it where answers are right and sure.

    A loss that compares labels or images with each other can't be smoothed. Its floor is what it
    costs to answer all entries with the prob that bce would be best with, 1 - ε/2.
    """
    epsilon = smoothing or USUAL_SMOOTHING
    targets = torch.from_numpy(labels.astype(np.float32))
    if settings.name in UNSMOOTHABLE:
        loss = build_training_loss(settings, labels, vocabulary, device=torch.device("cpu"))
        sure = float(np.log((1 - epsilon / 2) / (epsilon / 2)))
        logits = torch.where(targets == 1, sure, -sure)
        rule = f"{settings.name} of probs of {1 - epsilon / 2:g}, all on the right side"
        return Floor(_cost(loss, logits, targets), rule)
    smoothed = settings.model_copy(update={"label_smoothing": epsilon})
    loss = build_training_loss(smoothed, labels, vocabulary, device=torch.device("cpu"))
    rule = f"the least {settings.name} loss with a label smoothing of {epsilon:g}"
    return Floor(_cost(loss, _find_best_logits(loss, targets), targets), rule)


def _find_best_logits(loss: TrainingLoss, targets: Tensor) -> Tensor:
    """The logits (N, C) of the grid at which each entry's own cost is least.

    An entry's cost along the grid is the integral of its slope, which is the gradient of the whole
    loss: entries don't depend on each other.
    """
    slopes = []
    for logit in _GRID:
        logits = torch.full_like(targets, float(logit), requires_grad=True)
        terms = loss.components(logits, targets, epoch=0)
        (found,) = torch.autograd.grad(torch.stack(list(terms.values())).sum(), logits)
        slopes.append(found.double().numpy())
    slope = np.stack(slopes)
    steps = (slope[1:] + slope[:-1]) / 2 * np.diff(_GRID)[:, None, None]
    costs = np.concatenate([np.zeros((1, *targets.shape)), np.cumsum(steps, axis=0)])
    return torch.from_numpy(_GRID[np.argmin(costs, axis=0)]).float()


def _cost(loss: TrainingLoss, logits: Tensor, targets: Tensor) -> float:
    terms = loss.components(logits, targets, epoch=0)
    return float(torch.stack(list(terms.values())).sum())
