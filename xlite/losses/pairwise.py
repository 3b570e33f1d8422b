"""Losses that rank positive logits above negative ones: two-way and ZLPR.

B batch, C classes. Targets are (B, C) floats: 1 present, 0 absent, -1 unknown. An unknown entry
is on neither side of any comparison. A batch without a comparison has a loss of 0 with zero
gradients and a graph to go back through, as in `xlite.losses.elementwise`.

Entries are compared with each other: in ZLPR those of an image, so that the loss of a batch is
the mean of its parts' losses, weighed by images; in two-way those of the whole batch, so that no
mean over parts is the loss of the batch.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from xlite.labels import UNKNOWN
from xlite.losses.elementwise import at_least_float32


def two_way_loss(
    logits: Tensor,
    targets: Tensor,
    *,
    temperature_positive: float = 4.0,
    temperature_negative: float = 1.0,
) -> Tensor:
    """The two-way loss, a scalar: the mean over images plus the mean over labels of

        log(1 + exp(T⁻ log Σ exp(z⁻/T⁻) + T⁺ log Σ exp(-z⁺/T⁺))),

    the sums being over the negatives and the positives of an image, or of a label in the batch.
    Means are over those that have both.

    Kobayashi 2023 ("Two-way multi-label loss", CVPR): the largest negative logit, softly,
    is to lie under the smallest positive one. Only logits of one image, or of one label, are
    compared, so no threshold is fitted and σ(z) is no prob. An image without a finding counts in
    its labels' comparisons alone. They count an image or a label that has positives only as a cost
    of 0; we leave it out, since it compares nothing.

    The second mean needs a batch in one piece: computed in parts, each part compares less, and
    the mean over parts is another loss (the cosine between the two gradients was 0.964 in two
    parts and 0.905 in eight).

    logits, targets: (B, C). temperature_positive, temperature_negative: > 0.

    >>> y = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    >>> two_way_loss(torch.zeros(2, 2), y)
    tensor(1.3863)
    """
    logits = at_least_float32(logits)
    is_positive, is_negative = targets == 1, targets == 0
    total = logits.new_zeros(())
    for dim in (1, 0):
        has_pair = is_positive.any(dim=dim) & is_negative.any(dim=dim)
        gap = _log_sum_exp(logits, is_negative, temperature_negative, dim) + _log_sum_exp(
            -logits, is_positive, temperature_positive, dim
        )
        costs = torch.where(has_pair, -functional.logsigmoid(-gap), torch.zeros_like(gap))
        total = total + costs.sum() / has_pair.sum().clamp(min=1)
    return total


def zlpr_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """The ZLPR loss, a scalar: the mean, over images with a known label, of

        log(1 + Σ exp(-z⁺)) + log(1 + Σ exp(z⁻)).

    Su et al. 2022 (arXiv:2208.02955): each positive logit is to lie over each negative one,
    and 0 between them, so 0 is the threshold to predict with. One sum over an image's labels lets
    its worst labels have most of the gradient; an image without a finding has the second term only.

    The mean is over images: a batch computed in parts gives it when each part is weighed by its
    images with a known label.

    logits, targets: (B, C).

    >>> zlpr_loss(torch.zeros(1, 3), torch.tensor([[1.0, 0.0, -1.0]]))
    tensor(1.3863)
    """
    logits = at_least_float32(logits)
    nothing = torch.full_like(logits, -math.inf)
    # The padded 0 is the threshold, and keeps an empty side at log 1.
    positive = functional.pad(torch.where(targets == 1, -logits, nothing), (0, 1))
    negative = functional.pad(torch.where(targets == 0, logits, nothing), (0, 1))
    costs = positive.logsumexp(dim=1) + negative.logsumexp(dim=1)
    num_images = (targets != UNKNOWN).any(dim=1).sum()
    return costs.sum() / num_images.clamp(min=1)


def _log_sum_exp(values: Tensor, is_chosen: Tensor, temperature: float, dim: int) -> Tensor:
    # A row without a chosen value is -inf, and its gradient ends at the select.
    scaled = values / temperature
    chosen = torch.where(is_chosen, scaled, torch.full_like(scaled, -math.inf))
    return temperature * chosen.logsumexp(dim=dim)
