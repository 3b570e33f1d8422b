"""Heat maps of what a model's logits rest on, from the last feature map and its gradient.

B batch, C classes, D channels, L labels asked for, H' and W' the map's sides.

A is the backbone's map (D, H', W') and G the gradient of one logit with respect to it:

    gradcam   ReLU(sum_d mean(G_d) A_d)     Selvaraju et al. 2017, arXiv:1610.02391
    hirescam  ReLU(sum_d G_d * A_d)         Draelos and Carin 2020, arXiv:2011.08891
    layercam  ReLU(sum_d ReLU(G_d) * A_d)   Jiang et al. 2021, doi:10.1109/TIP.2021.3089943

Where attention mixes the tokens, A is the map before it: after it each token holds something of
the whole film, and its place says no longer where that came from. What attention does is in G.
Without attention tokens are only averaged, G is the same everywhere, and hirescam is gradcam.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.func import functional_call

from xlite.errors import ArgumentError
from xlite.models.classifier import Classifier

MapMethod = Literal["gradcam", "hirescam", "layercam"]

MAP_METHODS: dict[MapMethod, Callable[[Tensor, Tensor], Tensor]] = {
    "gradcam": lambda A, G: G.mean(dim=(2, 3), keepdim=True) * A,
    "hirescam": lambda A, G: G * A,
    "layercam": lambda A, G: G.relu() * A,
}
"""What of the feature map (B, D, H', W') and its gradient is summed over the channels."""


class ExplainedBatch(NamedTuple):
    """What a model says of a batch, and what that rests on."""

    logits: Tensor
    """(B, C)"""
    maps: Tensor
    """(B, L, H', W'), 0 and more: the share of each place in the logit, in its units."""


def explain_batch(
    model: Classifier, images: Tensor, columns: Sequence[int], *, method: MapMethod = "gradcam"
) -> ExplainedBatch:
    """The logits of images (B, 1, S, S), and a heat map of each for the labels in `columns`.

    One forward pass, with a hook that cuts the graph at the feature map: the backbone keeps
    nothing for a backward pass, and each label's runs from its logit to the map only. A map is 0
    everywhere where nothing speaks for the label. Raises ArgumentError for a model in training
    mode, whose logits depend on chance.
    """
    if model.training:
        raise ArgumentError("maps are drawn of a model in evaluation mode: call model.eval().")
    kept: list[Tensor] = []

    def cut(_: nn.Module, __: object, feature_map: Tensor) -> Tensor:
        kept.append(feature_map.detach().requires_grad_())
        return kept[0]

    hook = model.backbone.register_forward_hook(cut)
    try:
        with torch.enable_grad():
            # A state's tensors are detached: no weight gets a gradient, none is frozen for it.
            logits: Tensor = functional_call(model, model.state_dict(), (images,))
            weigh, (A,) = MAP_METHODS[method], kept
            gradients = (
                torch.autograd.grad(logits[:, column].sum(), A, retain_graph=True)[0]
                for column in columns
            )
            maps = [weigh(A.detach(), G).sum(dim=1).relu() for G in gradients]
    finally:
        hook.remove()
    empty = A.new_zeros(len(images), 0, *A.shape[2:])
    return ExplainedBatch(logits.detach(), torch.stack(maps, dim=1) if maps else empty)
