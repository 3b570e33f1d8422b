"""Losses of independent binary labels: tensors in, one scalar out.

B batch, C classes. Targets are (B, C) floats: 1 present, 0 absent, -1 unknown, which is left out
(`xlite.losses.elementwise`).
"""

from __future__ import annotations

from torch import Tensor

from xlite.losses.elementwise import at_least_float32, focus, mean_over_known, side_costs


def bce_loss(
    logits: Tensor,
    targets: Tensor,
    pos_weight: Tensor | None = None,
    *,
    smoothing: float = 0.0,
    label_weights: Tensor | None = None,
) -> Tensor:
    """The binary cross-entropy, a scalar: the mean over known entries.

    An entry costs -w y log p - (1 - y) log(1 - p), with p = sigmoid(logit).

    logits, targets: (B, C). pos_weight: (C,), w, on the logits' device; it means what it does in
    torch, so the sum is divided by the number of entries, not by their weights. smoothing: of
    labels, in [0, 1); label_weights: (C,), of entries.

    >>> import torch
    >>> bce_loss(torch.zeros(2, 1), torch.tensor([[1.0], [-1.0]]))
    tensor(0.6931)
    """
    positive, negative = side_costs(at_least_float32(logits))
    if pos_weight is not None:
        positive = pos_weight * positive
    return mean_over_known(
        positive, negative, targets, smoothing=smoothing, label_weights=label_weights
    )


def focal_loss(
    logits: Tensor,
    targets: Tensor,
    *,
    alpha: float | Tensor = 0.25,
    gamma: float | Tensor = 2.0,
    smoothing: float = 0.0,
    label_weights: Tensor | None = None,
) -> Tensor:
    """The focal loss, a scalar: the mean over known entries of -a_t (1 - p_t)^gamma log p_t.

    Lin et al. 2017 (arXiv:1708.02002), eq. 5, with p_t the prob of the true side of a label and
    a_t = alpha for a positive, 1 - alpha for a negative. They divide by the number of positive
    anchors; we divide by that of known entries, as in BCE, since a batch may hold no positive.

    logits, targets: (B, C). alpha: in [0, 1]. gamma: >= 0. Each is one for all classes or (C,).
    smoothing: of labels, in [0, 1); label_weights: (C,), of entries.

    >>> import torch
    >>> focal_loss(torch.zeros(1, 1), torch.ones(1, 1), alpha=1.0, gamma=2.0)
    tensor(0.1733)
    """
    logits = at_least_float32(logits)
    positive, negative = side_costs(logits)
    on_positive, on_negative = focus(logits, gamma)
    return mean_over_known(
        alpha * on_positive * positive,
        (1 - alpha) * on_negative * negative,
        targets,
        smoothing=smoothing,
        label_weights=label_weights,
    )
