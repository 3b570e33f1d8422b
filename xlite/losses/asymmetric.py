"""The asymmetric loss: negatives are focused on harder than positives.

B batch, C classes. Targets are (B, C) floats: 1 present, 0 absent, -1 unknown, which is left out
(`xlite.losses.elementwise`).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from xlite.losses.elementwise import at_least_float32, focus, mean_over_known, side_costs


def asymmetric_loss(
    logits: Tensor,
    targets: Tensor,
    *,
    gamma_negative: float = 4.0,
    gamma_positive: float = 0.0,
    margin: float = 0.05,
    detached: bool = False,
    smoothing: float = 0.0,
    label_weights: Tensor | None = None,
) -> Tensor:
    """The asymmetric loss (ASL), a scalar: the mean over known entries of

        ℓ⁺ = -(1 - p)^γ⁺ log p,    ℓ⁻ = -p_m^γ⁻ log(1 - p_m),    p_m = max(p - m, 0).

    Ridnik et al. 2021 (arXiv:2009.14119). A negative whose prob is under the margin m
    costs nothing. One that the model is sure is a positive has a vanishing gradient too: they
    take it for mislabelled. They sum over entries; we take the mean, so that the learning rate
    means what it does under BCE, and clamp no log: 1 - p_m is at least m, and for m = 0 the log
    is that of a sigmoid, computed as such.

    detached: no gradient goes through the focusing weights (1 - p)^γ⁺ and p_m^γ⁻, as in their
    training code (`disable_torch_grad_focal_loss`), and not in the paper's formula. The value is
    the same; a negative's gradient is smaller by 1 - γ⁻ (1 - p_m) log(1 - p_m)/p_m: fivefold at
    small p_m and 1.6-fold at 0.95, for γ⁻ = 4.

    logits, targets: (B, C). gamma_negative, gamma_positive: >= 0. margin: in [0, 1).
    smoothing: of labels, in [0, 1); label_weights: (C,), of entries.

    >>> asymmetric_loss(torch.tensor([[0.0, -4.0]]), torch.tensor([[1.0, 0.0]]), margin=0.05)
    tensor(0.3466)
    """
    logits = at_least_float32(logits)
    positive, _ = side_costs(logits)
    on_positive, _ = focus(logits.detach() if detached else logits, gamma_positive)
    return mean_over_known(
        on_positive * positive,
        _shifted_negatives(logits, gamma_negative, margin, detached=detached),
        targets,
        smoothing=smoothing,
        label_weights=label_weights,
    )


def _shifted_negatives(logits: Tensor, gamma: float, margin: float, *, detached: bool) -> Tensor:
    probs = torch.sigmoid(logits)
    costs_something = probs > margin
    # A power under 1 has an infinite slope at 0, and a select after it alone would make NaN of
    # that: what costs nothing is cut off before the power is taken.
    shifted = torch.where(costs_something, probs - margin, torch.ones_like(probs))
    log_margin = logits.new_tensor(math.log(margin) if margin > 0 else -math.inf)
    log_absent = torch.logaddexp(functional.logsigmoid(-logits), log_margin)
    weight = (shifted.detach() if detached else shifted) ** gamma
    return torch.where(costs_something, -weight * log_absent, torch.zeros_like(probs))
