"""The statistics that batch normalisation keeps for evaluation, brought up to date."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn.modules.batchnorm import _BatchNorm

if TYPE_CHECKING:
    from lightning_fabric import Fabric
    from torch.utils.data import DataLoader

    from xlite.loading.loader import Batch


@torch.no_grad()
def settle_statistics(model: torch.nn.Module, loader: DataLoader[Batch], fabric: Fabric) -> None:
    """Set the running statistics to those of the loader's batches under the present weights.

    They are a moving average over steps, and lag behind weights that have moved far in a few. As
    torch's `swa_utils.update_bn`, but for layers that are not in training mode, which keep theirs.
    """
    layers = [
        module
        for module in model.modules()
        if isinstance(module, _BatchNorm) and module.training and module.track_running_stats
    ]
    momenta = [layer.momentum for layer in layers]
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None  # a plain average over batches
    for batch in loader if layers else ():
        with fabric.autocast():
            model(batch.images.to(fabric.device))
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum
