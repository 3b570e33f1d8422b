"""AdamW with a learning rate a part and a layer, and the backbone's freezing and thawing."""

from __future__ import annotations

import math
from collections import defaultdict

import torch
from torch import nn

from xlite.models.classifier import Classifier
from xlite.models.layers import LayerMap, ParameterPlace
from xlite.models.normalisation import find_batch_norms, find_scales
from xlite.settings import TrainSettings
from xlite.training.objective import Objective

_LOG_VARIANCE_LR = 0.01
"""Of the loss's parameters: of order 1, they have to move in a run of a few hundred steps, which
AdamW at a model's 1e-4 would not let them."""


def build_optimizer(
    model: Classifier,
    layer_map: LayerMap,
    settings: TrainSettings,
    objective: Objective | None = None,
) -> torch.optim.AdamW:
    """AdamW with a group for each learning rate; a group's `base_lr` is the rate at factor 1.

    Attention and head have `attention_lr` and `head_lr`, the backbone `lr` times layer_decay to
    the number of layers behind it (Bao et al. 2022, arXiv:2106.08254, appendix). Heads on stages
    have `head_lr`. Parameters of the loss have a group of their own, without weight decay: it would
    pull weights towards 1.
    """
    groups: dict[float, list[nn.Parameter]] = defaultdict(list)
    for name, parameter in model.named_parameters():
        groups[_base_lr(layer_map.places[name], layer_map, settings)].append(parameter)
    parts = {} if objective is None else objective.parts
    if "stage_heads" in parts:
        groups[settings.head_lr or settings.lr] += parts["stage_heads"].parameters()
    optimizer = torch.optim.AdamW(
        [
            {"params": parameters, "lr": base_lr, "base_lr": base_lr}
            for base_lr, parameters in groups.items()
        ],
        lr=settings.lr,
        weight_decay=settings.weight_decay,
    )
    of_loss = list(parts["loss"].parameters()) if "loss" in parts else []
    if of_loss:
        rates = {"lr": _LOG_VARIANCE_LR, "base_lr": _LOG_VARIANCE_LR}
        optimizer.add_param_group({"params": of_loss, **rates, "weight_decay": 0.0})
    return optimizer


def set_lr_factor(optimizer: torch.optim.Optimizer, factor: float) -> None:
    """Set each group's learning rate to its base times `factor`."""
    for group in optimizer.param_groups:
        group["lr"] = group["base_lr"] * factor


def count_thawed_layers(settings: TrainSettings, epoch: int, num_layers: int) -> int:
    """How many of the backbone's layers, from the last one down, are trained in an epoch from 0.

    None for `freeze_epochs`; over the next `unfreeze_epochs` in equal steps; then all.
    """
    if epoch < settings.freeze_epochs:
        return 0
    thawing = epoch - settings.freeze_epochs + 1
    return min(math.ceil(num_layers * thawing / (settings.unfreeze_epochs + 1)), num_layers)


def freeze_layers(
    model: Classifier, layer_map: LayerMap, settings: TrainSettings, epoch: int
) -> None:
    """Put the model in training mode, but for the layers that are frozen in this epoch.

    A module of which every parameter is frozen is in evaluation mode, with all that is in it:
    batch normalisation would otherwise follow the new images while the weights around it stand
    still. A module that holds a frozen parameter beside trained modules (a transformer with its
    class token) is in training mode, or those would go into evaluation with it.

    Where `batch_norm` is not "train", the backbone's batch normalisation is in evaluation mode all
    along. "frozen" keeps its scale and shift as well, "affine" trains nothing of the backbone but
    scale and shift of its normalisation layers (Frankle et al. 2021, arXiv:2003.00152, who start
    from random weights and go on collecting statistics).
    """
    num_layers = layer_map.num_backbone_layers
    num_frozen = num_layers - count_thawed_layers(settings, epoch, num_layers)
    fixed = _find_fixed(model, settings)
    for name, parameter in model.named_parameters():
        is_thawed = layer_map.places[name].layer >= num_frozen
        parameter.requires_grad_(is_thawed and parameter not in fixed)
    model.train()
    for module in model.backbone.modules():
        held = list(module.parameters())
        if held and not any(parameter.requires_grad for parameter in held):
            module.eval()
    if settings.batch_norm != "train":
        for layer in find_batch_norms(model.backbone):
            layer.eval()


def _find_fixed(model: Classifier, settings: TrainSettings) -> set[nn.Parameter]:
    """The parameters of the backbone that are never trained."""
    match settings.batch_norm:
        case "train":
            return set()
        case "frozen":
            layers = find_batch_norms(model.backbone)
            return {parameter for layer in layers for parameter in layer.parameters()}
        case "affine":
            return set(model.backbone.parameters()) - find_scales(model.backbone)


def _base_lr(place: ParameterPlace, layer_map: LayerMap, settings: TrainSettings) -> float:
    if place.part == "backbone":
        behind = layer_map.num_backbone_layers - place.layer
        return settings.lr * float(settings.layer_decay**behind)
    return own_rate(place.part, settings)


def own_rate(part: str, settings: TrainSettings) -> float:
    """The learning rate of the attention or of the head."""
    own = settings.attention_lr if part == "attention" else settings.head_lr
    return settings.lr if own is None else own
