"""Losses of independent binary labels: tensors in, one scalar out.

B batch, C classes. Targets are (B, C) floats: 1 present, 0 absent, -1 unknown. An unknown entry
is left out of the sum *and* of the count that divides it: each loss is the mean over known
entries, as if the others had never been in the batch.

A batch in which nothing is known has a loss of 0 with zero gradients and a graph to go back
through: under data parallelism each process has to take part in every backward pass.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional

from xlite.errors import InputError
from xlite.labels import UNKNOWN
from xlite.losses.class_weights import LOSS_NAMES, POS_WEIGHT_SCHEMES

Loss = Callable[[Tensor, Tensor], Tensor]
"""A loss of logits (B, C) and targets (B, C)."""


def bce_loss(logits: Tensor, targets: Tensor, pos_weight: Tensor | None = None) -> Tensor:
    """The binary cross-entropy, a scalar: the mean over known entries.

    An entry costs -w y log p - (1 - y) log(1 - p), with p = sigmoid(logit).

    logits, targets: (B, C). pos_weight: (C,), w, of the logits' dtype and device; it means
    what it does in torch, so the sum is divided by the number of entries, not by their weights.

    >>> bce_loss(torch.zeros(2, 1), torch.tensor([[1.0], [-1.0]]))
    tensor(0.6931)
    """
    logits = _at_least_float32(logits)
    entries = functional.binary_cross_entropy_with_logits(
        logits, targets.to(logits.dtype).clamp(min=0), pos_weight=pos_weight, reduction="none"
    )
    return _mean_over_known(entries, targets)


def focal_loss(
    logits: Tensor, targets: Tensor, *, alpha: float | Tensor = 0.25, gamma: float = 2.0
) -> Tensor:
    """The focal loss, a scalar: the mean over known entries of -a_t (1 - p_t)^gamma log p_t.

    Lin et al. 2017 (arXiv:1708.02002), eq. 5, with p_t the prob of the true side of a label and
    a_t = alpha for a positive, 1 - alpha for a negative. They divide by the number of positive
    anchors; we divide by that of known entries, as in BCE, since a batch may hold no positive.

    logits, targets: (B, C). alpha: in [0, 1], one for all classes or (C,). gamma: >= 0.

    >>> focal_loss(torch.zeros(1, 1), torch.ones(1, 1), alpha=1.0, gamma=2.0)
    tensor(0.1733)
    """
    logits = _at_least_float32(logits)
    is_positive = targets == 1
    signed = torch.where(is_positive, logits, -logits)
    # In logs throughout: a power of 1 - p_t has an infinite slope at 0 when gamma is under 1, and
    # log p_t is -inf once sigmoid underflows. Both turn into NaN gradients on large logits.
    modulation = torch.exp(gamma * functional.logsigmoid(-signed))
    positives = is_positive.to(logits.dtype)
    alpha_true = alpha * positives + (1 - alpha) * (1 - positives)
    return _mean_over_known(-alpha_true * modulation * functional.logsigmoid(signed), targets)


def build_loss(
    name: str, *, pos_weight: Tensor | None, focal_alpha: float | Tensor, focal_gamma: float
) -> Loss:
    """The loss called `name` as a function of (logits, targets), its settings bound.

    Each loss takes the settings it knows, so that one configuration serves an ablation over all:
    "bce" none, "pos-weight" pos_weight, (C,), which it requires, "focal" the other two. Tensors
    need the dtype and device of the logits. Raises InputError on an unknown name, a missing
    pos_weight, alpha outside [0, 1] and negative gamma.
    """
    match name:
        case "bce":
            return bce_loss
        case "pos-weight":
            if pos_weight is None:
                raise InputError(
                    "loss 'pos-weight' needs a weight for each class. "
                    f"Pass --pos-weight {'|'.join(POS_WEIGHT_SCHEMES)}, or --loss bce."
                )
            return partial(bce_loss, pos_weight=pos_weight)
        case "focal":
            _check_focal(focal_alpha, focal_gamma)
            return partial(focal_loss, alpha=focal_alpha, gamma=focal_gamma)
        case _:
            raise InputError(f"unknown loss {name!r}. Choose one of: {', '.join(LOSS_NAMES)}.")


def _check_focal(alpha: float | Tensor, gamma: float) -> None:
    alphas = torch.as_tensor(alpha)
    if not bool(((alphas >= 0) & (alphas <= 1)).all()):
        raise InputError(
            f"focal loss has alpha {alphas.tolist()}. Pass values from 0 to 1: the weight of "
            "positives, 1 - alpha being that of negatives."
        )
    if not 0 <= gamma < float("inf"):
        raise InputError(f"focal loss has gamma {gamma}. Pass a finite value of 0 or more.")


def _at_least_float32(logits: Tensor) -> Tensor:
    # Under mixed precision logits come as float16 or bfloat16, whose 8 to 11 bits can't hold a
    # mean over a batch.
    return logits.to(torch.promote_types(logits.dtype, torch.float32))


def _mean_over_known(entries: Tensor, targets: Tensor) -> Tensor:
    is_known = targets != UNKNOWN
    # A select and not a product with the mask: 0 * inf would be NaN.
    known = torch.where(is_known, entries, torch.zeros_like(entries))
    return known.sum() / is_known.sum().clamp(min=1)
