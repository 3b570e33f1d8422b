"""What makes logits of tokens.

B batch, C classes, D channels, T tokens.
"""

from __future__ import annotations

from torch import Tensor, nn


class Head(nn.Module):
    """Tokens (B, T, D) to logits (B, C)."""


class MeanHead(nn.Sequential, Head):
    """The mean over the tokens, through layers (B, D) to (B, C), one after the other."""

    def forward(self, tokens: Tensor) -> Tensor:
        """The logits (B, C) of tokens (B, T, D)."""
        logits: Tensor = super().forward(tokens.mean(dim=1))  # type: ignore[no-untyped-call]
        return logits


def build_head(num_channels: int, num_classes: int, *, dropout: float) -> Head:
    """The head with new weights, from torch's default generator."""
    D, C = num_channels, num_classes
    return MeanHead(nn.Linear(D, D // 2), nn.ReLU(), nn.Dropout(dropout), nn.Linear(D // 2, C))
