"""A backbone as it starts, whose maps are averaged over their places.

B films, S image side, D features: the channels of all stages that are taken, one after the other.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from xlite.models.classifier import build_classifier

if TYPE_CHECKING:
    from pathlib import Path

POOLING = "mean of the feature map and of three stages before it"
"""How maps become numbers: part of what features are found by."""

_STAGES_BEFORE = 3


class PooledBackbone(nn.Module):
    """Grey images (B, 1, S, S), uint8, to features (B, D), by a backbone as runs start with it.

    The last map of a model that has learnt photographs is about photographs. The stages before it
    know more of texture: on 400 films they were worth 0.02 of macro AUROC (docs/probe.md).
    """

    def __init__(self, timm_name: str, *, pretrained: bool, weights_path: Path | None) -> None:
        super().__init__()
        self.timm_name = timm_name
        self.classifier = build_classifier(
            timm_name, num_classes=1, pretrained=pretrained, weights_path=weights_path, seed=0
        )
        self.eval()

    def forward(self, images: Tensor) -> Tensor:
        """The features; raises InputError for a size that the backbone does not take."""
        return torch.cat(self.pool_stages(images), dim=1).float()

    def pool_stages(self, images: Tensor) -> list[Tensor]:
        """The means (B, D') of each stage, whose widths differ."""
        normal = self.classifier.normalise(images)
        stages = self.classifier.backbone.forward_stages(normal, most=_STAGES_BEFORE)
        return [one.mean(dim=(2, 3)) for one in stages]

    @torch.inference_mode()
    def measure_widths(self, image_size: int) -> tuple[int, ...]:
        """How many of the features are of each stage."""
        blank = torch.zeros(1, 1, image_size, image_size, dtype=torch.uint8)
        return tuple(one.shape[1] for one in self.pool_stages(blank))

    def hash_weights(self) -> str:
        """The SHA-256 of the backbone's tensors, whichever file they came from."""
        digest = hashlib.sha256()
        for name, tensor in sorted(self.classifier.backbone.model.state_dict().items()):
            digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
            digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()
