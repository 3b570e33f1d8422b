"""Where each parameter of a classifier stands: its part and its depth in the backbone.

For learning rates by part, layer-wise decay, and freezing the backbone from the stem upwards.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from xlite.models.backbone import Backbone
from xlite.models.classifier import Classifier

Part = Literal["backbone", "attention", "head"]


@dataclass(frozen=True)
class ParameterPlace:
    """The part of the classifier that a parameter belongs to, and its depth."""

    part: Part
    """The submodule of the classifier, by name."""
    layer: int
    """0 for the backbone's stem to L - 1 for its last block; L for attention and head."""


@dataclass(frozen=True)
class LayerMap:
    """The place of every parameter of a classifier."""

    places: dict[str, ParameterPlace]
    """By the name that `model.named_parameters()` gives, and in its order."""
    num_backbone_layers: int
    """L. A layer-wise decay d is d ** (L - layer) for each parameter: 1 for attention and head."""


def assign_layers(model: Classifier) -> LayerMap:
    """The part and the layer of every parameter of `model`, frozen ones included.

    A layer of the backbone is what timm's own layer-wise decay takes for one: the stem, then each
    residual block, merged in the order of depth; downsampling belongs to the block after it and
    what follows the last block (conv_head, the last norm) to that block. All of the backbone is
    one layer where timm has no grouping for it.
    """
    layers = _group_backbone(model.backbone)
    num_layers = len(set(layers.values()))
    places = {name: ParameterPlace("backbone", layer) for name, layer in layers.items()}
    for part in ("attention", "head"):
        for name, _ in getattr(model, part).named_parameters(prefix=part):
            places[name] = ParameterPlace(part, num_layers)
    return LayerMap(places, num_layers)


def _group_backbone(backbone: Backbone) -> dict[str, int]:
    """Each parameter of the backbone by its name in the classifier: its layer, 0 to L - 1."""
    # The backbone exists, so import_timm has run.
    from timm.models import group_parameters

    model: Any = backbone.model
    names = [name for name, _ in model.named_parameters()]
    # Of 98 families of timm 1.0.31 three have no grouping (metaformer, csatv2, pit).
    layers: dict[str, int] = (
        group_parameters(model, model.group_matcher(coarse=False), reverse=True)
        if hasattr(model, "group_matcher")
        else dict.fromkeys(names, 0)
    )
    return {f"backbone.model.{name}": layers[name] for name in names}
