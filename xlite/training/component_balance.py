"""Weights of a loss's components under which each keeps its share, whatever it has come down to."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

_RATE = 0.01
"""Share of the newest step in a running mean, once a hundred have been seen."""


class ComponentBalance(nn.Module):
    """The running mean m of each component, from which its weight in the next step follows:

        w_k = (φ_k / Σφ) (Σm) / m_k,

    φ being the shares that the components have by their settings. So each contributes in
    proportion to φ, and their sum stays what it is under fixed weights: a learning rate and a
    clipped norm mean the same. In a step the weights are numbers that the steps before have left,
    hence no gradient goes through them, and parts of a batch add up. All is kept in float64 on the
    CPU, and in the checkpoint.
    """

    means: Tensor
    num_steps: Tensor

    def __init__(self, shares: Mapping[str, float]) -> None:
        """shares: φ of each component by name, positive, which its value has in it already."""
        super().__init__()
        self.shares = dict(shares)
        self.register_buffer("means", torch.zeros(len(self.shares), dtype=torch.float64))
        self.register_buffer("num_steps", torch.zeros((), dtype=torch.int64))

    def weights(self) -> dict[str, float]:
        """The weight of each component in the next step; 1 before the first, and of a mean of 0.

        >>> balance = ComponentBalance({"focal": 0.5, "pos-weight": 0.5})
        >>> balance.follow({"focal": 0.1, "pos-weight": 0.3})
        >>> {name: round(weight, 3) for name, weight in balance.weights().items()}
        {'focal': 2.0, 'pos-weight': 0.667}
        """
        means = dict(zip(self.shares, self.means.tolist(), strict=True))
        met = {name: mean for name, mean in means.items() if mean > 0}
        total, whole = sum(met.values()), sum(self.shares[name] for name in met)
        return {
            name: self.shares[name] / whole * total / met[name] if name in met else 1.0
            for name in self.shares
        }

    def follow(self, components: Mapping[str, float]) -> None:
        """Move the means by what a step's components came to under these weights."""
        weights = self.weights()
        self.num_steps += 1
        rate = max(_RATE, 1 / int(self.num_steps))
        found = [abs(components.get(name, 0.0)) / weights[name] for name in self.shares]
        self.means.lerp_(torch.tensor(found, dtype=torch.float64), rate)
