"""Linear heads on stages of a backbone, for deep supervision: they exist in training alone.

B batch, C classes, S stages, D_s channels of a stage.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from xlite.errors import InputError
from xlite.models.backbone import Backbone


class StageHeads(nn.Module):
    """A linear head on the mean of a stage's map, at one third and two thirds of the stages.

    Lee et al. 2015 ("Deeply-supervised nets", arXiv:1409.5185) have a classifier behind each
    hidden layer; two, as GoogLeNet has (Szegedy et al. 2015, arXiv:1409.4842), go for
    transformers of 12 blocks, too. Their weights start at 0, so that the backbone's first gradient
    is the one that it has without them.
    """

    def __init__(self, backbone: Backbone, num_classes: int) -> None:
        """Raises InputError for a backbone of which timm names no stages."""
        super().__init__()
        stages = _name_stages(backbone)
        self.stages = tuple(name for name, _ in stages)
        """Of the backbone's timm model, the modules whose maps are read."""
        self._num_prefix_tokens = int(getattr(backbone.model, "num_prefix_tokens", 0))
        self._timm_name = backbone.timm_name
        self.heads = nn.ModuleList([nn.Linear(width, num_classes) for _, width in stages])
        for parameter in self.parameters():
            nn.init.zeros_(parameter)

    def run(self, model: Any, images: Tensor) -> Tensor:
        """The classifier's logits and, behind them, those of the stages: (B, 1 + S, C).

        model: a Classifier of the backbone that the heads were made for. A stage's map is averaged
        when it is computed, so that nothing larger is kept of it.
        """
        found: dict[int, Tensor] = {}
        modules = [model.backbone.model.get_submodule(name) for name in self.stages]
        handles = [
            module.register_forward_hook(self._keep(found, place))
            for place, module in enumerate(modules)
        ]
        try:
            logits = model(images)
        finally:
            for handle in handles:
                handle.remove()
        if len(found) < len(self.stages):
            raise self._refuse()
        of_stages = [head(found[place]).float() for place, head in enumerate(self.heads)]
        return torch.stack([logits, *of_stages], dim=1)

    def _keep(self, found: dict[int, Tensor], place: int) -> Callable[..., None]:
        def keep(_module: nn.Module, _inputs: Any, output: Any) -> None:
            found[place] = self._average(output, self.heads[place].in_features)

        return keep

    def _average(self, output: Any, width: Any) -> Tensor:
        """The mean (B, D_s) over a map (B, D_s, H', W'), (B, H', W', D_s) or tokens (B, T, D_s)."""
        if isinstance(output, Tensor) and output.ndim == 4:
            if output.shape[1] == width:
                return output.mean(dim=(2, 3))
            if output.shape[3] == width:
                return output.mean(dim=(1, 2))
        if isinstance(output, Tensor) and output.ndim == 3 and output.shape[2] == width:
            return output[:, self._num_prefix_tokens :].mean(dim=1)
        raise self._refuse()

    def _refuse(self) -> InputError:
        return InputError(
            f"--deep-supervision finds no map at {' and '.join(self.stages)} of {self._timm_name}. "
            "Leave it at 0, or choose another backbone, such as efficientnet_b0 or resnet18."
        )


def _name_stages(backbone: Backbone) -> list[tuple[str, int]]:
    """The stages with a head: their names in the timm model, and their channels."""
    info = getattr(backbone.model, "feature_info", None)
    stages = [(str(one["module"]), int(one["num_chs"])) for one in info or ()]
    names = {name for name, _ in backbone.model.named_modules()}
    last = len(stages) - 1
    chosen = [stages[round(last * third / 3)] for third in (1, 2)] if last >= 2 else []
    if not chosen or not all(name in names for name, _ in chosen):
        raise InputError(
            f"--deep-supervision needs stages, and timm names none of {backbone.timm_name}. "
            "Leave it at 0, or choose another backbone, such as efficientnet_b0 or resnet18."
        )
    return chosen
