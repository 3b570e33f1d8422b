"""Losses that shift logits by how rare a label is: LDAM and logit adjustment.

B batch, C classes. Targets are (B, C) floats: 1 present, 0 absent, -1 unknown, which is left out
(`xlite.losses.elementwise`). The shift is of the loss alone: what predicts are the model's own
logits.
"""

from __future__ import annotations

from torch import Tensor

from xlite.losses.elementwise import at_least_float32, mean_over_known, side_costs


def ldam_loss(
    logits: Tensor,
    targets: Tensor,
    *,
    margins: Tensor,
    scale: float = 1.0,
    side_weights: Tensor | None = None,
    smoothing: float = 0.0,
    label_weights: Tensor | None = None,
) -> Tensor:
    """The label-distribution-aware margin (LDAM) loss, a scalar: the mean over known entries of

        ℓ⁺ = -w⁺ log σ(s (z - Δ⁺)),    ℓ⁻ = -w⁻ log σ(-s (z + Δ⁻)).

    Cao et al. 2019 (arXiv:1906.07413), for the two classes, present and absent, that each
    label is: Δ ∝ n^(-1/4) of the side's count (`label_counts.margins_by_count`). Weights are those
    of their deferred re-weighting. Their s = 30 stretches cosines, which end at 1; logits here have
    no end, so s is 1 by default and σ(z) stays a prob.

    logits, targets: (B, C). margins, side_weights: (2, C), of positives, then of negatives; None
    weighs all alike. scale: > 0. smoothing: of labels, in [0, 1); label_weights: (C,), of entries.

    >>> import torch
    >>> zeros, ones = torch.zeros(1, 1), torch.ones(1, 1)
    >>> ldam_loss(zeros, ones, margins=torch.tensor([[0.5], [0.1]]))
    tensor(0.9741)
    """
    logits = at_least_float32(logits)
    positive, _ = side_costs(scale * (logits - margins[0]))
    _, negative = side_costs(scale * (logits + margins[1]))
    if side_weights is not None:
        positive, negative = side_weights[0] * positive, side_weights[1] * negative
    return mean_over_known(
        positive, negative, targets, smoothing=smoothing, label_weights=label_weights
    )


def logit_adjusted_loss(
    logits: Tensor,
    targets: Tensor,
    *,
    log_odds: Tensor,
    tau: float = 1.0,
    smoothing: float = 0.0,
    label_weights: Tensor | None = None,
) -> Tensor:
    """The logit-adjusted BCE, a scalar: the mean over known entries of BCE(z + τ log(π/(1 - π))).

    Menon et al. 2021 (arXiv:2007.07314), for the two classes that each label is: their
    difference of log priors is the log-odds of the prevalence π. The loss adds the prior, so the
    logits that it leaves to predict with are free of it: with τ = 1, σ(z) is the prob at a
    prevalence of 1/2.

    logits, targets: (B, C). log_odds: (C,) (`label_counts.prior_log_odds`). tau: >= 0.
    smoothing: of labels, in [0, 1); label_weights: (C,), of entries.

    >>> import torch
    >>> prior = torch.tensor([0.01]).logit()
    >>> logit_adjusted_loss(torch.zeros(1, 1), torch.ones(1, 1), log_odds=prior)
    tensor(4.6052)
    """
    positive, negative = side_costs(at_least_float32(logits) + tau * log_odds)
    return mean_over_known(
        positive, negative, targets, smoothing=smoothing, label_weights=label_weights
    )
