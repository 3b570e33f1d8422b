"""The normalisation layers of a backbone: whose statistics may be fixed, whose scale be trained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from torch import nn

from xlite.errors import InputError
from xlite.models.backbone import Backbone

if TYPE_CHECKING:
    from collections.abc import Iterator

BatchNormTraining = Literal["train", "frozen", "affine"]

# timm's own (BatchNormAct2d, LayerNorm2d, GroupNorm1, ...) are subclasses of these, but for some.
_OTHER_NORMS = (nn.LayerNorm, nn.GroupNorm, nn.RMSNorm)
_OTHER_NAMES = frozenset({"RmsNorm", "RmsNorm2d", "SimpleNorm", "SimpleNorm2d"})


def find_batch_norms(backbone: nn.Module) -> Iterator[nn.Module]:
    """The layers that normalise by the statistics of a batch."""
    for module in backbone.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            yield module


def find_scales(backbone: nn.Module) -> set[nn.Parameter]:
    """Scale and shift of each normalisation layer, of the batch or of a single image alike."""
    return {
        parameter
        for module in backbone.modules()
        if isinstance(module, (nn.modules.batchnorm._BatchNorm, *_OTHER_NORMS))
        or type(module).__name__ in _OTHER_NAMES
        for parameter in module.parameters(recurse=False)
    }


def require_normalisation(backbone: Backbone, how: BatchNormTraining) -> None:
    """Raise InputError where the backbone has no layers that `how` speaks of."""
    if how == "frozen" and next(find_batch_norms(backbone), None) is None:
        raise InputError(
            f"--batch-norm frozen changes nothing: {backbone.timm_name} has no batch "
            "normalisation. Leave it out, or choose another backbone."
        )
    if how == "affine" and not find_scales(backbone):
        raise InputError(
            f"--batch-norm affine would train nothing of {backbone.timm_name}, which has no "
            "normalisation layers with scale and shift. Leave it out, or take --freeze-epochs."
        )
