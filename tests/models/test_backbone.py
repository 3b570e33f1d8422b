from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from xlite.errors import InputError
from xlite.models.backbone import Backbone, create_backbone
from xlite.models.pretrained import import_timm

WEIGHTS = (
    Path(__file__).parents[2].parent
    / "shared"
    / "weights"
    / "tf_efficientnet_lite0.imagenet.safetensors"
)

# Side of the image and channels of the map: one backbone for each layout that timm has.
BACKBONES = {
    "efficientnet_b0": (64, 1280),
    "convnext_tiny": (64, 768),
    "mobilenetv3_large_100": (64, 960),
    "resnet18": (64, 512),
    "tf_efficientnet_lite0": (64, 1280),
    "vit_tiny_patch16_224": (224, 192),
    "deit_tiny_distilled_patch16_224": (224, 192),
    "swin_tiny_patch4_window7_224": (224, 768),
    "efficientvit_b0": (64, 128),
}


@pytest.fixture(scope="module", params=BACKBONES)
def backbone(request) -> Backbone:
    return create_backbone(request.param, pretrained=False)


def test_every_parameter_has_a_part_in_the_map(backbone):
    size, num_features = BACKBONES[backbone.timm_name]
    feature_map = backbone(torch.rand(2, 3, size, size))
    assert feature_map.shape[:2] == (2, num_features) == (2, backbone.num_features)
    assert feature_map.shape[2] == feature_map.shape[3] > 1

    feature_map.square().sum().backward()
    assert all(parameter.requires_grad for parameter in backbone.parameters())
    assert [name for name, p in backbone.named_parameters() if p.grad is None] == []
    backbone.zero_grad(set_to_none=True)


def test_map_is_timms_own_in_row_major_order(backbone):
    """Against timm's forward_intermediates, which has one layout for all of its families."""
    size, _ = BACKBONES[backbone.timm_name]
    images = torch.rand(1, 3, size, size)
    backbone.eval()
    with torch.no_grad():
        expected = backbone.model.forward_intermediates(
            images, indices=1, norm=True, intermediates_only=True, output_fmt="NCHW"
        )[-1]
        feature_map = backbone(images)
    backbone.train()
    if expected.shape != feature_map.shape:
        # EfficientNet's last stage is followed by its 1x1 conv_head, which belongs to the map.
        assert hasattr(backbone.model, "conv_head")
        expected = backbone.model.bn2.eval()(backbone.model.conv_head(expected))
        backbone.train()
    torch.testing.assert_close(feature_map, expected, atol=1e-4, rtol=1e-4)


def test_only_pooling_and_classification_are_removed(backbone):
    expected = {
        "convnext_tiny": ("head",),
        "mobilenetv3_large_100": ("conv_head",),
        "efficientvit_b0": ("head",),
    }
    assert backbone.removed_modules == expected.get(backbone.timm_name, ())


def test_finding_unused_parameters_leaves_no_trace():
    """Neither in the batch statistics, nor in the generator, nor in hooks or the mode."""
    timm = import_timm()
    torch.manual_seed(0)
    plain = timm.create_model("resnet18", num_classes=0)
    state = torch.get_rng_state()
    with torch.no_grad():
        probed = Backbone(plain, timm_name="resnet18")
    assert torch.equal(torch.get_rng_state(), state)
    assert probed.training
    assert plain.training
    assert all(module.training and not module._forward_pre_hooks for module in plain.modules())
    assert plain.bn1.num_batches_tracked == 0
    assert all(parameter.grad is None for parameter in plain.parameters())


def test_normalisation_and_size_come_from_the_models_own_settings():
    lite = create_backbone("tf_efficientnet_lite0", pretrained=False)
    assert (lite.mean, lite.std) == ((0.5,) * 3, (0.5,) * 3)
    assert (lite.default_image_size, lite.has_fixed_image_size) == (224, False)
    resnet = create_backbone("resnet18", pretrained=False)
    assert resnet.mean == (0.485, 0.456, 0.406)


def test_a_size_that_the_model_does_not_take_is_refused():
    vit = create_backbone("vit_tiny_patch16_224", pretrained=False)
    with pytest.raises(InputError, match=r"images of 224 pixels only, not 96.*--image-size 224"):
        vit(torch.rand(1, 3, 96, 96))


def test_a_model_without_a_feature_map_is_refused():
    with pytest.raises(InputError, match=r"crossvit_9_240 gives no feature map"):
        create_backbone("crossvit_9_240", pretrained=False)


@pytest.fixture(scope="module")
def resnet_weights() -> dict[str, torch.Tensor]:
    return import_timm().create_model("resnet18", pretrained=False).state_dict()


def test_weights_load_from_a_file_without_their_classifier(tmp_path, resnet_weights):
    save_file(resnet_weights, tmp_path / "resnet18.safetensors")
    backbone = create_backbone("resnet18", weights_path=tmp_path / "resnet18.safetensors")
    state = backbone.model.state_dict()
    assert "fc.weight" in resnet_weights
    assert "fc.weight" not in state
    assert all(torch.equal(tensor, resnet_weights[name]) for name, tensor in state.items())


@pytest.mark.parametrize("name", ["convnext_tiny", "mobilenetv3_large_100"])
def test_a_whole_models_file_fits_a_backbone_with_its_head_removed(tmp_path, name):
    whole = import_timm().create_model(name, pretrained=False).state_dict()
    save_file(whole, tmp_path / "whole.safetensors")
    backbone = create_backbone(name, weights_path=tmp_path / "whole.safetensors")
    first = next(iter(backbone.model.state_dict()))
    assert torch.equal(backbone.model.state_dict()[first], whole[first])


def test_a_file_of_another_model_is_refused_tensor_by_tensor(tmp_path, resnet_weights):
    weights = dict(resnet_weights)
    del weights["layer1.0.conv1.weight"]
    weights["bn1.weight"] = torch.ones(3)
    weights["layer5.weight"] = torch.ones(3)
    save_file(weights, tmp_path / "other.safetensors")
    with pytest.raises(InputError) as caught:
        create_backbone("resnet18", weights_path=tmp_path / "other.safetensors")
    message = str(caught.value)
    assert "1 missing (layer1.0.conv1.weight)" in message
    assert "1 of another shape (bn1.weight (3,) instead of (64,))" in message
    assert "1 foreign (layer5.weight)" in message


def test_a_deeper_relative_with_equal_widths_is_refused(tmp_path, resnet_weights):
    """resnet34 holds every tensor of resnet18 in the same shape, and is another network."""
    deeper = import_timm().create_model("resnet34", pretrained=False).state_dict()
    assert all(deeper[name].shape == tensor.shape for name, tensor in resnet_weights.items())
    save_file(deeper, tmp_path / "resnet34.safetensors")
    with pytest.raises(InputError, match=r"of its tensors, \d+ foreign \(layer1\.2"):
        create_backbone("resnet18", weights_path=tmp_path / "resnet34.safetensors")


def test_real_imagenet_weights_load():
    if not WEIGHTS.is_file():
        pytest.skip("../shared/weights is not present")
    lite = create_backbone("tf_efficientnet_lite0", weights_path=WEIGHTS)
    # Trained batch statistics: those of a new model are all zero.
    assert lite.model.bn1.running_mean.abs().max() > 0.1


def test_stages_end_in_the_map_and_are_the_last_ones_before_it(backbone):
    size, _ = BACKBONES[backbone.timm_name]
    images = torch.randn(2, 3, size, size)
    backbone.eval()
    with torch.inference_mode():
        *stages, last = backbone.forward_stages(images, most=3)
        assert torch.equal(last, backbone(images))
    assert 2 <= len(stages) <= 3
    assert all(one.ndim == 4 and len(one) == 2 for one in stages)
    sides = [one.shape[2] for one in (*stages, last)]
    assert sides == sorted(sides, reverse=True)
    with (
        pytest.raises(InputError, match="Pass --image-size")
        if (backbone.has_fixed_image_size)
        else contextlib.nullcontext()
    ):
        backbone.forward_stages(torch.zeros(1, 3, size + 32, size + 32), most=3)
