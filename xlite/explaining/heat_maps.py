"""Heat maps of what a model's logits rest on, from the last feature map and its gradient.

B batch, C classes, D channels, P pairs of a film of the batch and a label, H' and W' the map's
sides.

A is the backbone's map (D, H', W') and G the gradient of one logit with respect to it:

    gradcam   ReLU(sum_d mean(G_d) A_d)     Selvaraju et al. 2017, arXiv:1610.02391
    hirescam  ReLU(sum_d G_d * A_d)         Draelos and Carin 2020, arXiv:2011.08891
    layercam  ReLU(sum_d ReLU(G_d) * A_d)   Jiang et al. 2021, doi:10.1109/TIP.2021.3089943

    head      ReLU of what the model's head says itself of each label and place (`MapHead`)

Where attention mixes the tokens, A is the map before it: after it each token holds something of
the whole film, and its place says no longer where that came from. What attention does is in G.
Without attention a head that takes the mean of the tokens makes G the same everywhere, and hirescam
is gradcam. The maps of a head alone are of the tokens after attention.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor

from xlite.errors import ArgumentError, InputError, did_you_mean
from xlite.models.classifier import Classifier
from xlite.models.heads import MapHead

MapMethod = Literal["gradcam", "hirescam", "layercam", "head"]

GRADIENT_MAPS: dict[MapMethod, Callable[[Tensor, Tensor], Tensor]] = {
    "gradcam": lambda A, G: G.mean(dim=(2, 3), keepdim=True) * A,
    "hirescam": lambda A, G: G * A,
    "layercam": lambda A, G: G.relu() * A,
}
"""What of the feature map (P, D, H', W') and its gradient is summed over the channels."""


def read_method(text: str) -> MapMethod:
    """The method of that name; InputError for another."""
    methods: tuple[MapMethod, ...] = get_args(MapMethod)
    for method in methods:
        if method == text:
            return method
    raise InputError(
        f"no method is called {text!r}.{did_you_mean(text, methods)} Use one of: "
        f"{', '.join(methods)}."
    )


def require_method(model: Classifier, name: str, method: MapMethod) -> None:
    """Raise InputError where the model of that name has no maps by the method."""
    if method == "head" and not isinstance(model.head, MapHead):
        raise InputError(
            f"--method head: the head of {name} makes no maps of its own; those of +csra and "
            f"+query do. Use one of: {', '.join(GRADIENT_MAPS)}."
        )


class SeenBatch(NamedTuple):
    """What a model makes of a batch."""

    logits: Tensor
    """(B, C)"""
    feature_map: Tensor
    """(B, D, H', W') the backbone's."""


def see_batch(model: Classifier, images: Tensor) -> SeenBatch:
    """The logits of images (B, 1, S, S), as the model predicts them, and the map behind them.

    Raises ArgumentError for a model in training mode, whose logits depend on chance.
    """
    if model.training:
        raise ArgumentError("maps are drawn of a model in evaluation mode: call model.eval().")
    kept: list[Tensor] = []
    hook = model.backbone.register_forward_hook(lambda _, __, output: kept.append(output))
    try:
        with torch.no_grad():
            logits = model(images)
    finally:
        hook.remove()
    return SeenBatch(logits, kept[0])


def draw_maps(
    model: Classifier,
    seen: SeenBatch,
    rows: Sequence[int],
    columns: Sequence[int],
    *,
    method: MapMethod = "gradcam",
) -> Tensor:
    """A heat map for each pair of a film (its row in the batch) and a label: (P, H', W'), ≥ 0.

    The unit is the logit's, and for a query head's own maps a share of 1; a map is 0 everywhere
    where nothing speaks for the label. The gradient runs from the logit to the map only: the
    backbone, which is most of the work, is seen once and never backwards, and a film costs what its
    own labels cost. Films with as many maps go together, forwards once and backwards once a map.
    """
    if method == "head":
        return _draw_head_maps(model, seen)[list(rows), list(columns)]
    places_of: dict[int, list[int]] = {}
    for place, row in enumerate(rows):
        places_of.setdefault(row, []).append(place)
    alike: dict[int, list[int]] = {}
    for row, places in places_of.items():
        alike.setdefault(len(places), []).append(row)
    asked = torch.as_tensor(columns)
    maps = seen.feature_map.new_zeros(len(rows), *seen.feature_map.shape[2:])
    for films in alike.values():
        A = seen.feature_map[films].detach().requires_grad_()
        with torch.enable_grad():
            logits = model.head(model.mix_map(A))
        for one_a_film in zip(*(places_of[row] for row in films), strict=True):
            wanted = logits[torch.arange(len(films)), asked[[*one_a_film]]].sum()
            (G,) = torch.autograd.grad(wanted, A, retain_graph=True)
            maps[[*one_a_film]] = GRADIENT_MAPS[method](A.detach(), G).sum(dim=1).relu()
    return maps


@torch.no_grad()
def _draw_head_maps(model: Classifier, seen: SeenBatch) -> Tensor:
    """The head's own maps of a batch (B, C, H', W'), ≥ 0."""
    assert isinstance(model.head, MapHead), "`require_method` has been asked"
    maps = model.head.draw_maps(model.mix_map(seen.feature_map))
    return maps.float().relu().reshape(*maps.shape[:2], *seen.feature_map.shape[2:])
