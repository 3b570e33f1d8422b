"""Whether heat maps care for the weights: maps of a model whose layers are drawn anew.

Adebayo et al. 2018 (arXiv:1810.03292), cascading randomisation: from the logits down to the stem,
more and more layers get new weights, and a map that stays as it was shows the film and not what
was learned. K maps of h x w cells.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import rankdata
from torch import Tensor

from xlite.explaining.heat_maps import MapMethod, SeenBatch, draw_maps, see_batch
from xlite.models.classifier import Classifier, ModelDescription, build_described
from xlite.models.layers import assign_layers
from xlite.randomness import derive_generator, derive_seed
from xlite.results.explanation import Care, Randomisation, RandomisedStage
from xlite.scores.clustered_means import average

if TYPE_CHECKING:
    from numpy.typing import NDArray

NUM_DRAWS = 3
"""Draws of new weights: one may by chance point where the trained model does."""

_NUM_FILMS = 24
"""Films whose maps are compared: each takes a prediction for each draw and stage."""

_NUM_BACKBONE_STAGES = 6
_ALIKE = 0.5
"""Mean rank correlation with the maps of a wholly random model from which maps do not care."""


def draw_weights_anew(
    model: Classifier, described: ModelDescription, num_classes: int
) -> list[Classifier]:
    """`NUM_DRAWS` models of the same shape with new weights, in evaluation mode.

    described and num_classes: of the model. The weights are those that a training without
    pretraining begins with.
    """
    drawn = []
    for number in range(NUM_DRAWS):
        seed = derive_seed("randomise weights", number) % 2**31
        fresh = build_described(described, num_classes=num_classes, seed=seed)
        drawn.append(fresh.to(next(model.parameters()).device).eval())
    return drawn


def choose_randomised(rows: NDArray[np.intp], is_boxed: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Places of the K pairs whose maps are compared: all of 24 films, drawn by chance.

    rows: (K,) the film of each pair. is_boxed: (K,) those with boxes, which alone are taken where
    there are any.
    """
    candidates = np.flatnonzero(is_boxed if is_boxed.any() else np.ones_like(is_boxed))
    films = np.unique(rows[candidates])
    drawn = derive_generator("films of randomised weights").permutation(films)[:_NUM_FILMS]
    return candidates[np.isin(rows[candidates], drawn)]


def group_layers(model: Classifier) -> list[tuple[str, list[str]]]:
    """The model's layers from the top down, as a name and the tensors of its state.

    The head's last layer, the rest of the head, attention, and the backbone in six or fewer parts.
    What is no weight, as the scale of pixels, is in none.
    """
    layers = assign_layers(model)
    last = [name for name in layers.places if name.startswith("head.")][-1].rpartition(".")[0]
    depth_of = {
        name.rpartition(".")[0]: place.layer
        for name, place in layers.places.items()
        if place.part == "backbone"
    }
    groups: dict[str, list[str]] = {"the last layer": [], "the head": [], "attention": []}
    L = layers.num_backbone_layers
    parts = min(L, _NUM_BACKBONE_STAGES)
    groups |= {f"backbone, part {part + 1} of {parts}": [] for part in reversed(range(parts))}
    for name in model.state_dict():
        module = name.rpartition(".")[0]
        if name.startswith(f"{last}."):
            groups["the last layer"].append(name)
        elif name.startswith("head."):
            groups["the head"].append(name)
        elif name.startswith("attention."):
            groups["attention"].append(name)
        elif module in depth_of:
            groups[f"backbone, part {depth_of[module] * parts // L + 1} of {parts}"].append(name)
    return [(layers, names) for layers, names in groups.items() if names]


def randomise_from_the_top(
    model: Classifier,
    fresh: Sequence[Classifier],
    images: Tensor | None,
    rows: Sequence[int],
    columns: Sequence[int],
    patients: NDArray[Any],
    *,
    method: MapMethod,
) -> Randomisation:
    """How alike the maps of K pairs (`draw_maps`) stay as layers get the weights of `fresh`.

    images: (B, 1, S, S), None where K is 0. patients: (K,). The verdict is by the interval, over
    patients, of the rank correlation once all weights are new: above 0.5 maps do not care, below
    it they do.
    """
    if images is None:
        return Randomisation(maps=0, patients=0, care="unsettled", stages=())
    seen = see_batch(model, images)
    own = _draw(model, seen, rows, columns, method)
    groups = group_layers(model)
    alike = np.empty((len(fresh), len(groups), len(rows)))
    for number, other in enumerate(fresh):
        mixed, state, its_map = deepcopy(model), other.state_dict(), seen
        for stage, (_, names) in enumerate(groups):
            mixed.load_state_dict({name: state[name] for name in names}, strict=False)
            if any(name.startswith("backbone.") for name in names):
                its_map = see_batch(mixed, images)
            maps = _draw(mixed, its_map, rows, columns, method)
            alike[number, stage] = rank_correlations(own, maps)
    stages = tuple(
        _describe_stage(layers, alike[:, stage], patients)
        for stage, (layers, _) in enumerate(groups)
    )
    return Randomisation(
        maps=len(rows),
        patients=len(np.unique(patients)),
        care=_decide(stages[-1]),
        stages=stages,
    )


def rank_correlations(
    maps: NDArray[np.float64], others: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Spearman's correlation of each of K maps (K, h, w) with its other, (K,).

    0 where one is the same everywhere, as an empty one: it shares nothing with the other.

    >>> ramp = np.arange(4.0).reshape(1, 2, 2)
    >>> rank_correlations(np.vstack([ramp] * 3), np.vstack([ramp**2, -ramp, 0 * ramp])).tolist()
    [1.0, -1.0, 0.0]
    """
    ranks, other_ranks = (rankdata(each.reshape(len(each), -1), axis=1) for each in (maps, others))
    a, b = (each - each.mean(axis=1, keepdims=True) for each in (ranks, other_ranks))
    spread = np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1))
    found: NDArray[np.float64] = (a * b).sum(axis=1) / np.where(spread > 0, spread, 1)
    return found.clip(-1, 1)


def _draw(
    model: Classifier,
    seen: SeenBatch,
    rows: Sequence[int],
    columns: Sequence[int],
    method: MapMethod,
) -> NDArray[np.float64]:
    maps = draw_maps(model, seen, rows, columns, method=method)
    # New weights may overflow: what is no number points nowhere.
    return np.nan_to_num(maps.cpu().numpy().astype(np.float64), posinf=0)


def _describe_stage(
    layers: str, alike: NDArray[np.float64], patients: NDArray[Any]
) -> RandomisedStage:
    mean = average(alike.mean(axis=0), patients)
    return RandomisedStage(
        layers=layers,
        similarity=mean.value,
        low=max(mean.low, -1.0),
        high=min(mean.high, 1.0),
        by_draw=tuple(alike.mean(axis=1).tolist()),
    )


def _decide(stage: RandomisedStage) -> Care:
    if stage.low > _ALIKE:
        return "does not care"
    return "cares" if stage.high < _ALIKE else "unsettled"
