"""Weights of labels that are learned with the model: its uncertainty about each.

B batch, C classes. Targets are (B, C) floats: 1 present, 0 absent, -1 unknown.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from xlite.labels import UNKNOWN


class LabelUncertainty(nn.Module):
    """A log-variance s for each label, with which an entry costs e^(-s) ℓ + s/2.

    Kendall et al. 2018 (arXiv:1705.07115), for tasks that are labels: σ² = e^s, so that a label
    that stays costly is weighed down, and log σ = s/2 keeps all of them from being so. Their
    likelihood of a classification has the logits divided by σ²; that it is about ℓ/σ² + log σ is
    their eq. 10. At the optimum e^s is twice a label's mean cost. It starts at 0, where the loss
    is the plain one.
    """

    def __init__(self, num_classes: int, *, device: torch.device) -> None:
        super().__init__()
        self.log_variance = nn.Parameter(torch.zeros(num_classes, device=device))

    @property
    def weights(self) -> Tensor:
        """(C,), e^(-s): what a label's entries are multiplied with."""
        return torch.exp(-self.log_variance)

    def price(self, targets: Tensor) -> Tensor:
        """The mean over known entries of s/2, a scalar."""
        known = (targets != UNKNOWN).sum(dim=0)
        return (known * self.log_variance).sum() / 2 / known.sum().clamp(min=1)
