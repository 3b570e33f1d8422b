"""Classifiers of one kind as one model: the mean of their logits, or of their weights.

B batch, C classes, D channels, S image side, M members.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import torch
from torch import Tensor, nn

from xlite.models.backbone import Backbone
from xlite.models.classifier import Classifier, ModelDescription, build_described

_PREFIX = "members"


class EnsembleClassifier(nn.Module):
    """Grey images (B, 1, S, S) to the mean of the members' logits (B, C), in float32.

    The mean of logits is that of log-odds (Dietterich 2000 averages outputs; a geometric mean of
    odds keeps a single model's calibration map a straight line). Features are the first member's:
    members' directions are not each other's.
    """

    def __init__(self, members: Sequence[Classifier]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    @property
    def backbone(self) -> Backbone:
        """The first member's, for what all have in common: mean and std of its input."""
        return self._list()[0].backbone

    def forward(self, images: Tensor) -> Tensor:
        """The logits (B, C); errors as a member has them."""
        return self.see(images)[0]

    def see(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """The mean logits (B, C), and the first member's features (B, D), of one pass of each."""
        said = [member.see(images) for member in self._list()]
        return torch.stack([logits for logits, _ in said]).mean(dim=0), said[0][1]

    def _list(self) -> list[Classifier]:
        return cast("list[Classifier]", list(self.members))


AnyClassifier = Classifier | EnsembleClassifier
"""What a run folder may hold."""


def build_joined(
    described: ModelDescription, *, num_classes: int, num_models: int
) -> AnyClassifier:
    """The model of that description, of several as one, whose weights are to be loaded."""
    members = [build_described(described, num_classes=num_classes) for _ in range(num_models)]
    return members[0] if num_models == 1 else EnsembleClassifier(members)


def join_weights(members: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """The weights of an `EnsembleClassifier` by name, from those of its M members."""
    return {
        f"{_PREFIX}.{number}.{name}": tensor
        for number, weights in enumerate(members)
        for name, tensor in weights.items()
    }


def average_weights(members: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """The mean of M models' weights by name, statistics of batch normalisation among them, in the
    members' dtypes; a tensor of whole numbers, as a count of batches, is the first member's.

    >>> mean = average_weights([{"w": torch.tensor([1.0])}, {"w": torch.tensor([2.0])}])
    >>> mean["w"]
    tensor([1.5000])
    """
    averaged = {}
    for name, first in members[0].items():
        if first.is_floating_point():
            stacked = torch.stack([weights[name].double() for weights in members])
            averaged[name] = stacked.mean(dim=0).to(first.dtype)
        else:
            averaged[name] = first.clone()
    return averaged
