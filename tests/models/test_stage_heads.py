"""Heads on stages read what timm says that the stages give, and leave the classifier as it is."""

from __future__ import annotations

import pytest
import torch

from xlite.errors import InputError
from xlite.models.classifier import build_classifier
from xlite.models.stage_heads import StageHeads

IMAGES = torch.randint(0, 256, (3, 1, 64, 64), generator=torch.Generator().manual_seed(0))


def build(name):
    model = build_classifier(name, num_classes=4, pretrained=False, seed=0).eval()
    return model, StageHeads(model.backbone, 4)


@pytest.mark.parametrize("name", ["test_resnet", "test_efficientnet", "test_convnext+mhsa"])
def test_stages_are_those_that_timm_gives_at_a_third_and_two_thirds(name):
    model, heads = build(name)
    with torch.no_grad():
        for head in heads.heads:
            torch.nn.init.normal_(head.weight, generator=torch.Generator().manual_seed(1))
        outputs, plain = heads.run(model, IMAGES), model(IMAGES)
        timm_model = model.backbone.model
        last = len(timm_model.feature_info) - 1
        maps = timm_model.forward_intermediates(
            model.normalise(IMAGES),
            indices=[round(last / 3), round(2 * last / 3)],
            intermediates_only=True,
        )
    assert outputs.shape == (3, 3, 4)
    torch.testing.assert_close(outputs[:, 0], plain, rtol=0, atol=0)
    for place, (head, one) in enumerate(zip(heads.heads, maps, strict=True)):
        expected = one.mean(dim=(2, 3)) @ head.weight.T
        torch.testing.assert_close(outputs[:, 1 + place], expected)
    assert not any(module._forward_hooks for module in model.modules())
    assert not any("heads." in key for key in model.state_dict() if key.startswith("backbone"))


def test_tokens_and_channels_last_are_read_too():
    model = build_classifier("test_vit", num_classes=4, pretrained=False, seed=0).eval()
    heads = StageHeads(model.backbone, 4)
    size = model.backbone.default_image_size
    assert heads.run(model, torch.zeros(2, 1, size, size)).shape == (2, 3, 4)
    tokens = torch.randn(2, 17, 64)
    torch.testing.assert_close(heads._average(tokens, 64), tokens[:, 1:].mean(dim=1))
    channels_last = torch.randn(2, 5, 5, 64)
    expected = channels_last.mean(dim=(1, 2))
    torch.testing.assert_close(heads._average(channels_last, 64), expected)
    with pytest.raises(InputError, match="--deep-supervision finds no map"):
        heads._average(torch.zeros(2, 3), 64)


def test_heads_start_at_zero_and_then_reach_the_backbone():
    model, heads = build("test_resnet")
    early = next(p for p in model.backbone.parameters() if p.ndim > 1)
    assert (heads.run(model, IMAGES)[:, 1:] == 0).all()
    with torch.no_grad():
        heads.heads[0].weight.fill_(0.1)
    heads.run(model, IMAGES)[:, 1].sum().backward()
    assert early.grad.abs().sum() > 0
    assert (model.head[-1].weight.grad == 0).all()


def test_a_backbone_without_stages_is_refused(monkeypatch):
    model, _ = build("test_resnet")
    monkeypatch.setattr(model.backbone.model, "feature_info", None)
    with pytest.raises(InputError, match="timm names none of test_resnet"):
        StageHeads(model.backbone, 4)
