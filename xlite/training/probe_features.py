"""What a backbone gives of images, kept for the passes of a linear probe, and the room it takes.

N images, B of a batch, D channels, H' and W' the map's sides, S image side.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from xlite.errors import InputError
from xlite.models.classifier import Classifier

_MOST_BYTES = 2 << 30
"""Of what the backbone gives of all training images; while it is put in order, there are three."""


class FrozenBackbone(nn.Module):
    """What the rest of a classifier needs of an image."""

    def __init__(self, model: Classifier) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> Tensor:
        """The maps (B, D, H', W') of images (B, 1, S, S); (B, D, 1, 1) where means are enough."""
        maps: Tensor = self.model.backbone(self.model.normalise(images))
        return maps.mean(dim=(2, 3), keepdim=True) if self.model.sees_means_alone else maps


def require_room_for_probe(model: Classifier, *, num_images: int, image_size: int) -> None:
    """Raise InputError where what the backbone gives of all training images is too much to keep.

    The model may be an outline on the meta device.
    """
    blank = torch.zeros(1, 1, image_size, image_size, device=model.pixel_scale.device)
    is_training = model.training
    with torch.no_grad():
        needed = FrozenBackbone(model).eval()(blank).numel() * 4 * num_images
    model.train(is_training)
    if needed > _MOST_BYTES:
        raise InputError(
            f"--probe-epochs would keep {needed / 2**30:.1f} GiB of features of {num_images:,} "
            f"images, and keeps {_MOST_BYTES >> 30} at most. Pass --freeze-epochs instead, which "
            "computes them anew in every epoch, or lower --image-size."
        )
