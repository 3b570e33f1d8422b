"""Entries of a loss, one an image and label: what either side costs, and their mean.

B batch, C classes. Targets are (B, C) floats: 1 present, 0 absent, -1 unknown. An unknown entry
is left out of the sum *and* of the count that divides it: the mean is over known entries, as if
the others had never been in the batch. So the mean of a batch equals that of its parts, each
weighed by its share of the known entries.

A batch in which nothing is known has a loss of 0 with zero gradients and a graph to go back
through: under data parallelism each process has to take part in every backward pass.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from xlite.labels import UNKNOWN


def at_least_float32(logits: Tensor) -> Tensor:
    """The logits as float32, or as they are in float64.

    Under mixed precision they come as float16 or bfloat16, whose 8 to 11 bits can't hold a mean
    over a batch.
    """
    return logits.to(torch.promote_types(logits.dtype, torch.float32))


def side_costs(logits: Tensor) -> tuple[Tensor, Tensor]:
    """What a positive and what a negative costs under BCE: -log p and -log(1 - p), p = sigmoid.

    >>> [float(side) for side in side_costs(torch.tensor(0.0))]
    [0.6931471824645996, 0.6931471824645996]
    """
    # softplus is the same in fewer letters, but torch's turns linear at 20.
    return -functional.logsigmoid(logits), -functional.logsigmoid(-logits)


def focus(logits: Tensor, gamma: float | Tensor) -> tuple[Tensor, Tensor]:
    """The focal modulation of positives and of negatives: (1 - p)^gamma and p^gamma.

    In logs throughout: a power of 1 - p has an infinite slope at 0 when gamma is under 1, which
    turns into NaN gradients on large logits.
    """
    return (
        torch.exp(gamma * functional.logsigmoid(-logits)),
        torch.exp(gamma * functional.logsigmoid(logits)),
    )


def mean_over_known(
    positive: Tensor,
    negative: Tensor,
    targets: Tensor,
    *,
    smoothing: float = 0.0,
    label_weights: Tensor | None = None,
) -> Tensor:
    """The mean over known entries of w (t ℓ⁺ + (1 - t) ℓ⁻), a scalar, with t = y (1 - ε) + ε/2.

    positive, negative: (B, C), ℓ⁺ and ℓ⁻, an entry's cost were it a positive, were it a negative.
    targets: (B, C), y. smoothing: ε in [0, 1), the label smoothing of Szegedy et al. 2016
    (arXiv:1512.00567) for the two classes that each label is; 0 leaves targets as they are.
    label_weights: (C,), w, on the logits' device; None weighs all alike. The mean is divided by the
    number of entries, not by their weights.

    >>> sides = torch.tensor([[1.0, 9.0]]), torch.tensor([[3.0, 9.0]])
    >>> mean_over_known(*sides, torch.tensor([[1.0, -1.0]]), smoothing=0.2)
    tensor(1.2000)
    """
    is_known = targets != UNKNOWN
    soft = targets.to(positive.dtype) * (1 - smoothing) + smoothing / 2
    entries = soft * positive + (1 - soft) * negative
    if label_weights is not None:
        entries = label_weights * entries
    # A select and not a product with the mask: 0 * inf would be NaN.
    known = torch.where(is_known, entries, torch.zeros_like(entries))
    return known.sum() / is_known.sum().clamp(min=1)
