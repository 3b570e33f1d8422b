from __future__ import annotations

from typing import Any

import pytest
import torch

from xlite.models.classifier import Classifier, build_classifier
from xlite.models.layers import LayerMap, assign_layers
from xlite.settings import TrainSettings
from xlite.training.optimizer import (
    build_optimizer,
    count_thawed_layers,
    freeze_layers,
    set_lr_factor,
)


@pytest.fixture(scope="module")
def model() -> Classifier:
    return build_classifier("test_resnet+mhsa", pretrained=False, seed=0)


@pytest.fixture(scope="module")
def layer_map(model: Classifier) -> LayerMap:
    return assign_layers(model)


def settings_of(**changes: Any) -> TrainSettings:
    return TrainSettings.parse(model="test_resnet+mhsa", **changes)


def test_every_parameter_is_in_one_group_at_its_rate(
    model: Classifier, layer_map: LayerMap
) -> None:
    settings = settings_of(lr=1e-3, attention_lr=2e-3, head_lr=5e-3, layer_decay=0.5)
    optimizer = build_optimizer(model, layer_map, settings)
    rate_of = {
        id(parameter): group["lr"]
        for group in optimizer.param_groups
        for parameter in group["params"]
    }
    assert len(rate_of) == len(list(model.parameters()))
    num_layers = layer_map.num_backbone_layers
    assert num_layers > 2
    for name, parameter in model.named_parameters():
        part = name.partition(".")[0]
        if part == "backbone":
            expected = 1e-3 * 0.5 ** (num_layers - layer_map.places[name].layer)
        else:
            expected = {"attention": 2e-3, "head": 5e-3}[part]
        assert rate_of[id(parameter)] == pytest.approx(expected)


def test_a_factor_scales_each_group_from_its_base(model: Classifier, layer_map: LayerMap) -> None:
    optimizer = build_optimizer(model, layer_map, settings_of(lr=1e-3, head_lr=1e-2))
    for factor in (0.5, 0.25):
        set_lr_factor(optimizer, factor)
    rates = sorted(group["lr"] for group in optimizer.param_groups)
    assert rates == pytest.approx([0.25e-3, 0.25e-2])


@pytest.mark.parametrize(
    ("freeze", "unfreeze", "thawed"),
    [(0, 0, [4, 4, 4, 4, 4]), (2, 0, [0, 0, 4, 4, 4]), (1, 3, [0, 1, 2, 3, 4])],
)
def test_layers_thaw_from_the_last_one_down(freeze: int, unfreeze: int, thawed: list[int]) -> None:
    settings = settings_of(freeze_epochs=freeze, unfreeze_epochs=unfreeze)
    assert [count_thawed_layers(settings, epoch, 4) for epoch in range(5)] == thawed


def test_frozen_layers_neither_learn_nor_follow_the_images(
    model: Classifier, layer_map: LayerMap
) -> None:
    settings = settings_of(freeze_epochs=1, unfreeze_epochs=1, weight_decay=0.1, lr=1e-2)
    optimizer = build_optimizer(model, layer_map, settings)
    images = torch.randint(0, 256, (4, 1, 64, 64), generator=torch.Generator().manual_seed(0))

    def changed_by_a_step(epoch: int) -> set[int]:
        """The layers in which anything, statistics included, moved."""
        freeze_layers(model, layer_map, settings, epoch)
        before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        model(images).square().sum().backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        moved = [n for n, t in model.state_dict().items() if not torch.equal(t, before[n])]
        owners = {name.rpartition(".")[0]: place for name, place in layer_map.places.items()}
        return {owners[name.rpartition(".")[0]].layer for name in moved}

    num_layers = layer_map.num_backbone_layers
    assert changed_by_a_step(0) == {num_layers}
    half = changed_by_a_step(1)
    assert 0 not in half
    assert num_layers - 1 in half
    assert changed_by_a_step(2) == set(range(num_layers + 1))


@pytest.mark.parametrize(
    "name",
    ["test_resnet", "test_efficientnet", "test_vit", "xcit_nano_12_p16_224"],
)
def test_what_is_trained_is_in_training_mode_and_what_is_frozen_is_not(name: str) -> None:
    """Transformers hold parameters of their own, a class token, beside the blocks."""
    model = build_classifier(name, pretrained=False, seed=0)
    layer_map = assign_layers(model)
    settings = settings_of(freeze_epochs=1, unfreeze_epochs=1)
    num_frozen = []
    for epoch in range(3):
        freeze_layers(model, layer_map, settings, epoch)
        modes: dict[bool, list[bool]] = {True: [], False: []}
        for module in model.modules():
            held = [parameter.requires_grad for parameter in module.parameters()]
            if held:
                modes[any(held)].append(module.training)
        assert all(modes[True])
        assert not any(modes[False])
        num_frozen.append(len(modes[False]))
    # The test would say nothing if nothing were frozen, or all of it, in the middle epoch.
    assert num_frozen[0] > num_frozen[1] > num_frozen[2] == 0


@pytest.mark.parametrize("how", ["frozen", "affine"])
def test_fixed_batch_normalisation_keeps_what_it_says_and_trains_the_rest(
    model: Classifier, layer_map: LayerMap, how: str
) -> None:
    settings = settings_of(batch_norm=how, lr=1e-2, weight_decay=0.1)
    optimizer = build_optimizer(model, layer_map, settings)
    images = torch.randint(0, 256, (4, 1, 64, 64), generator=torch.Generator().manual_seed(0))
    freeze_layers(model, layer_map, settings, epoch=0)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    model(images).square().sum().backward()
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    moved = {n for n, t in model.state_dict().items() if not torch.equal(t, before[n])}
    norms = {
        f"{name}.{tensor}": tensor in ("weight", "bias")
        for name, module in model.backbone.named_modules(prefix="backbone")
        if isinstance(module, torch.nn.BatchNorm2d)
        for tensor, _ in [*module.named_parameters(), *module.named_buffers()]
    }
    scales = {name for name, is_scale in norms.items() if is_scale}
    others = {name for name in layer_map.places if name.startswith("backbone.")} - scales
    behind = {name for name in layer_map.places if not name.startswith("backbone.")}
    assert scales
    assert moved == behind | (scales if how == "affine" else others)
