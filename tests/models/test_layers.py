from __future__ import annotations

import pytest
import torch

from xlite.models.classifier import Classifier, build_classifier
from xlite.models.layers import ParameterPlace, assign_layers

# Stem and residual blocks, counted in the papers' tables: EfficientNet-B0 has 16 MBConv blocks,
# ConvNeXt-T 3 + 3 + 9 + 3, MobileNetV3-large 15 and its last 1x1 convolution.
NUM_LAYERS = {
    "efficientnet_b0_mhsa": 1 + 16,
    "convnext_tiny_performer": 1 + 18,
    "mobilenet_v3_large_mhsa": 1 + 15 + 1,
    "resnet18": 1 + 8,
    "test_resnet+mhsa": 1 + 4,
    "test_vit+performer": 1 + 6,
    "swin_tiny_patch4_window7_224": 1 + 12,
}


def build(name: str) -> Classifier:
    return build_classifier(name, pretrained=False, seed=0)


@pytest.fixture(scope="module", params=NUM_LAYERS)
def named_model(request) -> tuple[str, Classifier]:
    return request.param, build(request.param)


def test_every_parameter_has_one_place_and_no_layer_is_empty(named_model):
    name, model = named_model
    layer_map = assign_layers(model)
    assert list(layer_map.places) == [name for name, _ in model.named_parameters()]
    num_layers = layer_map.num_backbone_layers
    assert num_layers == NUM_LAYERS[name]
    for part, expected in {
        "backbone": set(range(num_layers)),
        "attention": {num_layers} if list(model.attention.parameters()) else set(),
        "head": {num_layers},
    }.items():
        places = {k: p for k, p in layer_map.places.items() if p.part == part}
        assert {place.layer for place in places.values()} == expected
        # The part is the one that holds the tensor, not only what its name begins with.
        held = {id(parameter) for parameter in getattr(model, part).parameters()}
        assert {id(model.get_parameter(k)) for k in places} == held


def test_layers_grow_in_the_order_of_the_forward_pass(named_model):
    """Hooks note when each module runs; a layer may begin only after all those below it."""
    _, model = named_model
    layer_map = assign_layers(model)
    order: list[str] = []
    hooks = [
        module.register_forward_pre_hook(lambda _m, _i, name=name: order.append(name))
        for name, module in model.named_modules()
        if any(True for _ in module.parameters(recurse=False))
    ]
    size = model.backbone.default_image_size if model.backbone.has_fixed_image_size else 64
    with torch.no_grad():
        model.eval()(torch.zeros(1, 1, size, size))
    for hook in hooks:
        hook.remove()
    layers = [
        layer_map.places[f"{name}.{parameter}"].layer
        for name in order
        for parameter, _ in model.get_submodule(name).named_parameters(recurse=False)
    ]
    assert len(set(layers)) > 4
    assert layers == sorted(layers)


def test_stem_first_and_last_block_of_a_known_network():
    places = assign_layers(build("efficientnet_b0_mhsa")).places
    assert places["backbone.model.conv_stem.weight"] == ParameterPlace("backbone", 0)
    assert places["backbone.model.blocks.0.0.conv_dw.weight"] == ParameterPlace("backbone", 1)
    assert places["backbone.model.conv_head.weight"] == ParameterPlace("backbone", 16)
    assert places["attention.qkv.weight"] == ParameterPlace("attention", 17)
    assert places["head.3.bias"] == ParameterPlace("head", 17)


def test_frozen_parameters_keep_their_place():
    model = build("test_resnet+mhsa")
    expected = assign_layers(model)
    model.backbone.requires_grad_(False)
    assert assign_layers(model) == expected


def test_a_backbone_without_timms_grouping_is_one_layer():
    model = build("poolformer_s12")
    assert not hasattr(model.backbone.model, "group_matcher")
    layer_map = assign_layers(model)
    assert layer_map.num_backbone_layers == 1
    assert {place.layer for place in layer_map.places.values() if place.part == "backbone"} == {0}
    assert {place.layer for place in layer_map.places.values() if place.part == "head"} == {1}
