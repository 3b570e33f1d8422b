"""Whether maps care for the weights, with a kind of map that does not."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from xlite.explaining import heat_maps
from xlite.explaining.randomisation import (
    choose_randomised,
    draw_weights_anew,
    group_layers,
    randomise_from_the_top,
    rank_correlations,
)
from xlite.models.classifier import Classifier, build_classifier
from xlite.results.explanation import Randomisation
from xlite.settings import TrainSettings


@pytest.fixture(scope="module")
def model() -> Classifier:
    return build_classifier("test_resnet", num_classes=3, pretrained=False, seed=8).eval()


def randomise(model: Classifier) -> Randomisation:
    images = torch.randint(
        256, (8, 1, 128, 128), dtype=torch.uint8, generator=torch.Generator().manual_seed(1)
    )
    rows = [row for row in range(8) for _ in range(3)]
    return randomise_from_the_top(
        model,
        draw_weights_anew(model, TrainSettings(model="test_resnet"), 3),
        images,
        rows,
        [0, 1, 2] * 8,
        np.array(rows),
        method="gradcam",
    )


def test_maps_of_a_model_care_and_those_that_look_at_no_weight_do_not(
    model: Classifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = randomise(model)
    assert (own.care, own.maps, own.patients) == ("cares", 24, 8)
    assert own.stages[0].layers == "the last layer"
    assert own.stages[-1].layers.startswith("backbone, part 1 of")
    assert all(len(stage.by_draw) == 3 for stage in own.stages)
    ramp = torch.arange(16.0).view(1, 1, 4, 4)
    monkeypatch.setitem(heat_maps.GRADIENT_MAPS, "gradcam", lambda A, _: ramp.expand_as(A))
    careless = randomise(model)
    assert careless.care == "does not care"
    assert [stage.similarity for stage in careless.stages] == [1.0] * len(careless.stages)


LAST_LAYERS = {
    "test_resnet": ["head.3.weight", "head.3.bias"],
    "test_efficientnet+performer": ["head.3.weight", "head.3.bias"],
    "test_resnet+gem": ["head.3.weight", "head.3.bias"],
    "test_resnet+query": ["head.classifier.weight", "head.classifier.bias"],
}


@pytest.mark.parametrize("name", LAST_LAYERS)
def test_every_weight_is_drawn_anew_and_the_last_layer_first(name: str) -> None:
    trained = build_classifier(name, num_classes=3, pretrained=False, seed=8).eval()
    groups = group_layers(trained)
    names = [one for _, tensors in groups for one in tensors]
    assert len(names) == len(set(names))
    assert {*trained.state_dict()} - {*names} == {"pixel_scale", "pixel_shift"}
    assert groups[0][1] == LAST_LAYERS[name]
    (fresh, other, _) = draw_weights_anew(trained, TrainSettings(model=name), 3)
    for one in (name for name, _ in trained.named_parameters() if name.endswith("conv.weight")):
        weights = [model.state_dict()[one] for model in (trained, fresh, other)]
        assert not torch.equal(weights[0], weights[1])
        assert not torch.equal(weights[1], weights[2])


def test_pairs_with_boxes_go_first_and_whole_films_are_drawn() -> None:
    rows = np.repeat(np.arange(50), 2)
    chosen = choose_randomised(rows, np.zeros(100, dtype=bool))
    assert len(chosen) == 48
    assert len(np.unique(rows[chosen])) == 24
    boxed = np.zeros(100, dtype=bool)
    boxed[[5, 9]] = True
    assert choose_randomised(rows, boxed).tolist() == [5, 9]


def test_rank_correlations_are_scipy_s() -> None:
    from scipy.stats import spearmanr

    maps, others = np.random.default_rng(0).integers(0, 5, (2, 6, 4, 4)).astype(float)
    expected = [
        spearmanr(a.ravel(), b.ravel()).statistic for a, b in zip(maps, others, strict=True)
    ]
    np.testing.assert_allclose(rank_correlations(maps, others), expected)
