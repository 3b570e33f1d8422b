"""Losses that weigh entries by how often their label is met: class- and distribution-balanced.

B batch, C classes. Targets are (B, C) floats: 1 present, 0 absent, -1 unknown, which is left out
(`xlite.losses.elementwise`).
"""

from __future__ import annotations

import torch
from torch import Tensor

from xlite.losses.elementwise import at_least_float32, mean_over_known, side_costs


def class_balanced_loss(
    logits: Tensor,
    targets: Tensor,
    *,
    class_weights: Tensor,
    smoothing: float = 0.0,
    label_weights: Tensor | None = None,
) -> Tensor:
    """The class-balanced BCE, a scalar: the mean over known entries of w_c · BCE.

    Cui et al. 2019 (arXiv:1901.05555): w_c ∝ (1 - β)/(1 - β^n_c), n_c being the positives of class
    c (`label_counts.effective_number_weights`). They weigh an image by its one class; an image
    here has several or none, so a class weighs its own entries, positive and negative alike. This
    moves emphasis between classes and leaves the operating point of each where it is; weights of
    positives alone, by effective number too, are `--loss pos-weight --pos-weight effective-number`.

    logits, targets: (B, C). class_weights: (C,), w. smoothing: of labels, in [0, 1);
    label_weights: (C,), of entries.

    >>> class_balanced_loss(torch.zeros(1, 2), torch.eye(2)[:1], class_weights=torch.tensor([3, 1]))
    tensor(1.3863)
    """
    positive, negative = side_costs(at_least_float32(logits))
    return mean_over_known(
        class_weights * positive,
        class_weights * negative,
        targets,
        smoothing=smoothing,
        label_weights=label_weights,
    )


def distribution_balanced_loss(
    logits: Tensor,
    targets: Tensor,
    *,
    positives: Tensor,
    log_odds: Tensor,
    alpha: float = 0.1,
    beta: float = 10.0,
    mu: float = 0.2,
    kappa: float = 0.05,
    lam: float = 2.0,
    divided: bool = False,
    smoothing: float = 0.0,
    label_weights: Tensor | None = None,
) -> Tensor:
    """The distribution-balanced loss, a scalar: the mean over known entries of

        r̂ [ -t log σ(z - ν)  -  (1 - t)/λ · log σ(-λ (z - ν)) ].

    Wu et al. 2020 (arXiv:2007.09654), without the focal factor of their DB-FL. Rebalanced weights:
    r̂ = α + σ(β (r - μ)), where r = (1/n_c) / Σ 1/n_i over the labels i of the image is how often
    class-aware sampling means to show class c, over how often it shows this image. Made for
    `--sampler class-aware`. Negative-tolerant regularisation: ν = -κ log(π_c/(1 - π_c)), and
    negatives are stretched by λ, so that those under 0 soon stop being pushed.

    divided: ν is -κ/λ log(π_c/(1 - π_c)), as in their code (`init_bias / neg_scale`), where the
    paper has κ alone; with their λ = 2 the shift is half as large.

    An image without a known positive has r = ∞, so r̂ = α + 1, as in their code.

    logits, targets: (B, C). positives: (C,), n, the positives of the training part; a class without
    any counts as one. log_odds: (C,), those of the prevalence π. alpha, mu, kappa: >= 0. beta,
    lam: > 0. smoothing: of labels, in [0, 1); label_weights: (C,), of entries.

    >>> counts, even = torch.tensor([9.0, 1.0]), torch.zeros(2)
    >>> y = torch.tensor([[1.0, 0.0]])
    >>> distribution_balanced_loss(torch.zeros(1, 2), y, positives=counts, log_odds=even)
    tensor(0.5717)
    """
    logits = at_least_float32(logits) + (kappa / lam if divided else kappa) * log_odds
    inverse = 1.0 / positives.clamp(min=1).to(logits.dtype)
    rate = ((targets == 1) * inverse).sum(dim=1, keepdim=True)
    weights = alpha + torch.sigmoid(beta * (inverse / rate - mu))
    positive, _ = side_costs(logits)
    _, negative = side_costs(lam * logits)
    return mean_over_known(
        weights * positive,
        weights * negative / lam,
        targets,
        smoothing=smoothing,
        label_weights=label_weights,
    )
