"""Losses that stand for a ranking score: the AUC margin loss and average precision.

B batch, C classes, P positives of a batch. Targets are (B, C) floats: 1 present, 0 absent, -1
unknown, which is on neither side of any comparison. A label's images are compared with each other,
so no mean over parts of a batch is the loss of the batch. A label without a positive or without a
negative in the batch compares nothing and is left out of the mean over labels; a batch without any
comparison has a loss of 0 with zero gradients and a graph to go back through.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from xlite.losses.elementwise import at_least_float32

_MOST_PAIRS = 1 << 24
"""Pairs that are held at once where no gradient is wanted: 64 MiB of float32."""


def auc_margin_loss(logits: Tensor, targets: Tensor, *, margin: float = 1.0) -> Tensor:
    """The AUC margin loss, a scalar: the mean over labels of

        Var(p⁺) + Var(p⁻) + max(0, m - mean(p⁺) + mean(p⁻))²,    p = σ(z).

    Yuan et al. 2021 (arXiv:2012.03173): the min over a, b and the max over α ≥ 0 of

        E⁺(p - a)² + E⁻(p - b)² + 2α (m - E⁺p + E⁻p) - α²,

    put in for the batch: a = mean(p⁺), b = mean(p⁻), α = max(0, m - a + b). They, and LibAUC with
    its optimizer PESG, move a, b and α by a gradient step a batch beside the weights; here any
    optimizer serves and nothing is carried along. What that costs: without the cut at 0 the batch's
    value is the mean over its pairs of (m - p⁺ + p⁻)², whose expectation over batches that have
    both sides is that of all pairs; the cut is made on the batch's means instead of the data's.

    logits, targets: (B, C). margin: m > 0, between probs, so that one over 1 is never reached.

    >>> auc_margin_loss(torch.tensor([[0.0], [0.0]]), torch.tensor([[1.0], [0.0]]))
    tensor(1.)
    """
    probs = torch.sigmoid(at_least_float32(logits))
    is_positive, is_negative = targets == 1, targets == 0
    is_compared = is_positive.any(dim=0) & is_negative.any(dim=0)
    a, positive_variance = _mean_and_variance(probs, is_positive)
    b, negative_variance = _mean_and_variance(probs, is_negative)
    costs = positive_variance + negative_variance + (margin - a + b).clamp(min=0) ** 2
    return _mean_over_labels(costs, is_compared)


def average_precision_loss(
    logits: Tensor,
    targets: Tensor,
    *,
    margin: float = 1.0,
    averages: PrecisionAverages | None = None,
    rows: Tensor | None = None,
) -> Tensor:
    """One minus a smooth average precision, a scalar: the mean over labels of

        1 - mean over positives i of  u⁺ᵢ / uᵢ,
        u⁺ᵢ = mean over images j of yⱼ ℓᵢⱼ,    uᵢ = mean of ℓᵢⱼ,    ℓᵢⱼ = max(0, m - pᵢ + pⱼ)².

    Qi et al. 2021 (SOAP, arXiv:2104.08736): u⁺ᵢ/uᵢ is the share of positives among the images
    that rank as high as i, each image j counting the more the higher it ranks. A batch's ratio is
    a biased estimate of the data's, the more so the fewer its positives; so u⁺ᵢ and uᵢ are moving
    averages over the batches in which image i has been, and the gradient is that of the ratio at
    those averages. The value is the ratio of the averages too: LibAUC returns a number that has
    the same gradient and no meaning of its own.

    logits, targets: (B, C). margin: m > 0, between probs. averages, rows: where the moving averages
    are kept, and (B,) the row of each image in the training part; without them u is the batch's
    own, and no gradient is kept where a batch is judged.

    >>> y = torch.tensor([[1.0], [0.0], [0.0]])
    >>> average_precision_loss(torch.zeros(3, 1), y)
    tensor(0.6667)
    """
    probs = torch.sigmoid(at_least_float32(logits))
    is_positive, is_negative = targets == 1, targets == 0
    is_compared = is_positive.any(dim=0) & is_negative.any(dim=0)
    costs = [
        _label_cost(probs, is_positive, is_negative, label, margin, averages, rows)
        if is_compared[label]
        else probs.new_zeros(())
        for label in range(probs.shape[1])
    ]
    # The product is a graph to go back through where no label is compared.
    return _mean_over_labels(torch.stack(costs), is_compared) + 0.0 * probs.sum()


class PrecisionAverages(nn.Module):
    """The moving averages u⁺ and u of each positive entry of a training part.

    They are buffers, so that a checkpoint has them: a run that is resumed goes on with the same.
    """

    slots: Tensor
    means: Tensor

    def __init__(self, is_positive: Tensor, *, gamma: float) -> None:
        """is_positive: (N, C) bool, of the training part. gamma: in (0, 1], of the newest batch."""
        super().__init__()
        self.gamma = gamma
        slots = is_positive.flatten().cumsum(0).reshape(is_positive.shape) - 1
        # It follows from the labels, and need not be saved.
        self.register_buffer("slots", slots, persistent=False)
        self.register_buffer(
            "means", torch.zeros(int(is_positive.sum()), 2, device=is_positive.device)
        )

    def follow(self, found: Tensor, rows: Tensor, label: int) -> Tensor:
        """The averages (P, 2) after a batch that `found` (P, 2), with the gradient of `found`.

        rows: (P,), of the label's positives. An entry that is met first is set to what was found;
        LibAUC starts at 0, which makes the first gradient 1/γ times as large. Of an image that is
        in the batch more than once the first copy is kept.
        """
        slots = self.slots[rows, label]
        known, new = self.means[slots], found.detach().to(self.means.dtype)
        # A positive costs m² beside itself, so that no average of something met is 0.
        is_met = known[:, 1:] > 0
        moved = torch.where(is_met, (1 - self.gamma) * known + self.gamma * new, new)
        first = (rows[:, None] == rows).int().argmax(dim=1)
        self.means[slots] = moved[first]
        return moved + (found - found.detach())


def _mean_and_variance(probs: Tensor, is_chosen: Tensor) -> tuple[Tensor, Tensor]:
    """Of each label over its chosen images, (C,) and (C,); 0 where there is none."""
    chosen = torch.where(is_chosen, probs, torch.zeros_like(probs))
    count = is_chosen.sum(dim=0).clamp(min=1)
    mean = chosen.sum(dim=0) / count
    away = torch.where(is_chosen, probs - mean, torch.zeros_like(probs))
    return mean, (away**2).sum(dim=0) / count


def _label_cost(
    probs: Tensor,
    is_positive: Tensor,
    is_negative: Tensor,
    label: int,
    margin: float,
    averages: PrecisionAverages | None,
    rows: Tensor | None,
) -> Tensor:
    positive = is_positive[:, label]
    known = positive | is_negative[:, label]
    own, others, is_own = probs[positive, label], probs[known, label], positive[known]
    size = len(own) if own.requires_grad else max(_MOST_PAIRS // max(len(others), 1), 1)
    found = torch.cat(
        [_mean_costs(some, others, is_own, margin) for some in torch.split(own, size)]
    )
    if averages is not None and rows is not None:
        found = averages.follow(found, rows[positive], label)
    return 1 - (found[:, 0] / found[:, 1]).mean()


def _mean_costs(own: Tensor, others: Tensor, is_own: Tensor, margin: float) -> Tensor:
    """(P, 2): the mean over images of ℓ, of positives alone and of all."""
    pairs = (margin - own[:, None] + others).clamp(min=0) ** 2
    return torch.stack([(pairs * is_own).mean(dim=1), pairs.mean(dim=1)], dim=1)


def _mean_over_labels(costs: Tensor, is_compared: Tensor) -> Tensor:
    kept = torch.where(is_compared, costs, torch.zeros_like(costs))
    return kept.sum() / is_compared.sum().clamp(min=1)
