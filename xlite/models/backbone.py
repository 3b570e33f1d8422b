"""timm's models as feature extractors: an image in, its unpooled feature map out.

B batch, D channels, S image side, H' and W' the map's sides, T tokens.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from xlite.errors import InputError
from xlite.models.pretrained import check_timm_name, create_pretrained_model, import_timm
from xlite.models.weights_file import abridge_names, read_weights, require_sound

__all__ = ["Backbone", "create_backbone", "import_timm", "load_weights"]

PROBE_SIZE = 96
"""Side of the image on which unused parameters are found: the smallest that all but a few take."""
_MANY_STAGES = 8
"""Those of a model that has one a block, and not one a resolution."""


class Backbone(nn.Module):
    """A timm model up to its last feature map; normalised images (B, 3, S, S) to (B, D, H', W').

    Whatever the model has for pooling and classification is removed, so each of its trainable
    parameters gets a gradient (DistributedDataParallel insists on that, and counts are honest).
    """

    # An nn.Module with attributes that timm's models have and torch's type does not know.
    model: Any

    def __init__(self, model: nn.Module, *, timm_name: str) -> None:
        super().__init__()
        self.model = model
        config = self.model.pretrained_cfg
        self.timm_name = timm_name
        self.num_features: int = self.model.num_features
        """D, the channels of the feature map."""
        self.mean: tuple[float, ...] = tuple(config["mean"])
        """Mean of each colour channel that the weights expect, for values in [0, 1]."""
        self.std: tuple[float, ...] = tuple(config["std"])
        """Standard deviation of each colour channel."""
        self.default_image_size: int = config["input_size"][-1]
        """S of the pretraining."""
        self.has_fixed_image_size: bool = config.get("fixed_input_size", False)
        """Whether no other S is possible (position codes of a transformer)."""
        self.removed_modules: tuple[str, ...] = _remove_unused_modules(self)
        """Names, within the timm model, of what the feature map does not need."""

    def forward(self, images: Tensor) -> Tensor:
        """The feature map (B, D, H', W'); raises InputError for a size the model does not take."""
        self._require_size(images.shape[-1])
        return self._to_map(self.model.forward_features(images))

    def forward_stages(self, images: Tensor, *, most: int) -> list[Tensor]:
        """Maps of stages before the last, at most `most`, and the feature map; errors as above.

        Each (B, D', H', W') with a D' of its own. The feature map takes the place of a stage that
        it only normalises. A convolutional network has a stage a resolution, of which the last are
        taken; a transformer one a block, of which some are taken at even distances. Of the few
        models that timm can't look into it is the feature map alone.
        """
        if not hasattr(self.model, "forward_intermediates"):
            return [self(images)]
        self._require_size(images.shape[-1])
        final, stages = self.model.forward_intermediates(images, output_fmt="NCHW")
        feature_map = self._to_map(final)
        if stages[-1].shape == feature_map.shape:
            stages = stages[:-1]
        step = max(1, (len(stages) + 1) // (most + 1)) if len(stages) >= _MANY_STAGES else 1
        taken = stages[::-1][step - 1 :: step][:most] if most else []
        return [*reversed(taken), feature_map]

    def _require_size(self, size: int) -> None:
        if self.has_fixed_image_size and size != self.default_image_size:
            raise InputError(
                f"{self.timm_name} takes images of {self.default_image_size} pixels only, not "
                f"{size}. Pass --image-size {self.default_image_size}."
            )

    def _to_map(self, features: object) -> Tensor:
        """timm's features, (B, D, H', W'), (B, H', W', D) or (B, prefix + T, D), as the first."""
        D = self.num_features
        if isinstance(features, Tensor) and features.ndim == 4:
            if getattr(self.model, "output_fmt", None) == "NHWC" or features.shape[1] != D:
                features = features.permute(0, 3, 1, 2)
            if features.shape[1] == D:
                return features
        if isinstance(features, Tensor) and features.ndim == 3 and features.shape[2] == D:
            tokens = features[:, getattr(self.model, "num_prefix_tokens", 0) :]
            side = math.isqrt(tokens.shape[1])
            if side * side == tokens.shape[1]:
                return tokens.mT.reshape(-1, D, side, side)
        raise InputError(
            f"{self.timm_name} gives no feature map that xlite knows how to read. Choose another "
            "backbone, such as efficientnet_b0, convnext_tiny or resnet18."
        )


def create_backbone(
    timm_name: str,
    *,
    pretrained: bool = True,
    weights_path: Path | None = None,
    arguments: Mapping[str, float] | None = None,
) -> Backbone:
    """The backbone of that timm name, with weights from a file, from timm's hub, or new ones.

    weights_path goes before `pretrained`. arguments: further ones of timm's `create_model`. New
    weights come from torch's default generator; `build_classifier` keys them by a seed. Raises
    InputError for an unknown name, for unreachable pretrained weights and for a file that does not
    fit.
    """
    check_timm_name(timm_name)
    further = arguments or {}
    if pretrained and weights_path is None:
        return Backbone(create_pretrained_model(timm_name, **further), timm_name=timm_name)
    model = import_timm().create_model(timm_name, pretrained=False, num_classes=0, **further)
    backbone = Backbone(model, timm_name=timm_name)
    if weights_path is not None:
        load_weights(backbone, weights_path)
    return backbone


def load_weights(backbone: Backbone, path: Path) -> None:
    """Load a file in timm's naming into the backbone, as `match_weights` finds it to fit."""
    backbone.model.load_state_dict(match_weights(backbone, path))


def match_weights(backbone: Backbone, path: Path) -> dict[str, Tensor]:
    """The backbone's tensors by name from a file in timm's naming, without its classifier.

    Every tensor of the backbone has to be there in its shape, and nothing may be there that the
    timm model does not have: a deeper relative of the same width would fit otherwise. InputError
    names what is missing, of another shape, or foreign.
    """
    weights = read_weights(path)
    expected = backbone.model.state_dict()
    faults = {
        "missing": [name for name in expected if name not in weights],
        "of another shape": [
            f"{name} {tuple(weights[name].shape)} instead of {tuple(tensor.shape)}"
            for name, tensor in expected.items()
            if name in weights and weights[name].shape != tensor.shape
        ],
        "foreign": _find_foreign_names(weights, backbone),
    }
    found = [
        f"{len(names)} {kind} ({abridge_names(names)})" for kind, names in faults.items() if names
    ]
    if found:
        raise InputError(
            f"--weights {path} does not hold the weights of {backbone.timm_name}: of its tensors, "
            f"{'; '.join(found)}. Pass the file of this model, in timm's naming."
        )
    own = {name: weights[name] for name in expected}
    require_sound(own, path, option="--weights")
    return own


def _find_foreign_names(names: Collection[str], backbone: Backbone) -> list[str]:
    """The names that no tensor of timm's whole model has: kept, removed, or never saved."""
    classifier = backbone.model.pretrained_cfg.get("classifier") or ()
    classifiers = (classifier,) if isinstance(classifier, str) else tuple(classifier)
    heads = tuple(f"{prefix}." for prefix in (*classifiers, *backbone.removed_modules))
    # Swin's masks, for one, are buffers that older files hold and newer ones do not.
    known = {*backbone.model.state_dict(), *(name for name, _ in backbone.model.named_buffers())}
    return [name for name in names if name not in known and not name.startswith(heads)]


def _remove_unused_modules(backbone: Backbone) -> tuple[str, ...]:
    """Replace the modules that have no part in the feature map by identities; their names.

    Found by one forward and backward pass instead of a list of names, which would be another for
    each of timm's families (mobilenetv3: conv_head; convnext: head.norm; vgg: pre_logits, ...).
    What runs without effect on the map (cait's class attention) stays, with gradients of zero.
    """
    model: nn.Module = backbone.model
    size = backbone.default_image_size if backbone.has_fixed_image_size else PROBE_SIZE
    was_called: set[nn.Module] = set()
    hooks = [
        module.register_forward_pre_hook(lambda module, _: was_called.add(module))
        for module in model.modules()
    ]
    # In evaluation mode the pass draws no random number and leaves the batch statistics alone.
    model.eval()
    with torch.enable_grad():
        total = backbone(torch.zeros(1, 3, size, size)).sum()
    model.train()
    for hook in hooks:
        hook.remove()

    trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
    gradients = torch.autograd.grad(total, trainable, allow_unused=True)
    unused = {p for p, gradient in zip(trainable, gradients, strict=True) if gradient is None}

    removed: list[str] = []
    for name, module in list(model.named_modules()):
        parameters = list(module.parameters())
        is_idle = module not in was_called and bool(parameters) and unused.issuperset(parameters)
        # A removed parent took its children along.
        if is_idle and not name.startswith(tuple(f"{parent}." for parent in removed)):
            model.set_submodule(name, nn.Identity())
            removed.append(name)
    return tuple(removed)
