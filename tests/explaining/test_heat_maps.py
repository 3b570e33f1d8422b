"""Heat maps against captum's, and against the papers' formulas where captum has none."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from xlite.errors import ArgumentError, InputError
from xlite.explaining.heat_maps import (
    GRADIENT_MAPS,
    MapMethod,
    draw_maps,
    read_method,
    require_method,
    see_batch,
)
from xlite.models.classifier import Classifier, build_classifier

attr = pytest.importorskip("captum.attr")

MODELS = ("test_resnet", "test_efficientnet+mhsa", "test_resnet+csra", "test_resnet+query")
LABELS = (2, 0, 3, 1)


@pytest.fixture(scope="module", params=MODELS)
def model(request: pytest.FixtureRequest) -> Classifier:
    built = build_classifier(request.param, num_classes=4, pretrained=False, seed=1)
    with torch.no_grad():  # A fresh attention block hardly mixes; one that does is the harder case.
        for name, tensor in built.attention.named_parameters():
            if name.startswith(("qkv", "projection")):
                tensor.mul_(8)
    # In float64, so that what differs is the formula and not the order of a sum.
    return built.double().eval()


@pytest.fixture(scope="module")
def images() -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(256, (2, 1, 96, 96), generator=generator, dtype=torch.uint8)


def draw(model: Classifier, images: Tensor, method: MapMethod) -> Tensor:
    """The maps of each film, all labels of one after another: (B, L, H', W')."""
    seen = see_batch(model, images)
    rows = torch.arange(len(images)).repeat_interleave(len(LABELS)).tolist()
    maps = draw_maps(model, seen, rows, LABELS * len(images), method=method)
    return maps.unflatten(0, (len(images), len(LABELS)))


def by_captum(model: Classifier, images: Tensor, label: int, method: MapMethod) -> Tensor:
    if method == "gradcam":
        explainer = attr.LayerGradCam(model, model.backbone)
        return explainer.attribute(images, label, relu_attributions=True).squeeze(1).detach()
    product = attr.LayerGradientXActivation(model, model.backbone).attribute(images, label)
    return product.sum(dim=1).relu().detach()


def by_formula(model: Classifier, images: Tensor, label: int) -> Tensor:
    """LayerCAM from a graph of its own, from the pixels on, a film and a channel at a time."""
    maps = []
    for image in images:
        feature_map = model.backbone(model.normalise(image[None]))
        D = feature_map.shape[1]
        feature_map.retain_grad()
        tokens = model.attention(feature_map.flatten(2).mT)
        model.head(tokens)[0, label].backward()
        gradient = feature_map.grad[0]
        weights = torch.where(gradient > 0, gradient, torch.zeros_like(gradient))
        total = sum(weights[d] * feature_map[0, d].detach() for d in range(D))
        maps.append(total.clamp(min=0))
    model.zero_grad()
    return torch.stack(maps)


@pytest.mark.parametrize("method", GRADIENT_MAPS)
def test_maps_are_those_of_the_reference(
    model: Classifier, images: Tensor, method: MapMethod
) -> None:
    maps = draw(model, images, method)
    references = [
        by_formula(model, images, label)
        if method == "layercam"
        else by_captum(model, images, label, method)
        for label in LABELS
    ]
    reference = torch.stack(references, dim=1)
    largest = reference.amax()
    assert (reference > 0).float().mean() > 0.1, "the maps compared have something in them"
    torch.testing.assert_close(maps / largest, reference / largest, rtol=0, atol=1e-6)


def test_the_model_says_what_it_says_otherwise_and_stays_as_it_was(
    model: Classifier, images: Tensor
) -> None:
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    draw(model, images, "gradcam")
    seen = see_batch(model, images)
    with torch.inference_mode():
        assert torch.equal(seen.logits, model(images))
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert all(one.grad is None and one.requires_grad for one in model.parameters())
    assert not model.backbone._forward_hooks
    assert draw_maps(model, seen, [], []).shape == (0, *seen.feature_map.shape[2:])


def test_methods_differ_where_attention_mixes_tokens(images: Tensor) -> None:
    def draw_fresh(name: str, method: MapMethod) -> Tensor:
        built = build_classifier(name, num_classes=4, pretrained=False, seed=1).eval()
        return draw(built, images, method)

    plain, mixed = "test_efficientnet", "test_efficientnet+mhsa"
    torch.testing.assert_close(draw_fresh(plain, "gradcam"), draw_fresh(plain, "hirescam"))
    assert not torch.allclose(draw_fresh(mixed, "gradcam"), draw_fresh(mixed, "hirescam"))
    assert not torch.allclose(draw_fresh(plain, "gradcam"), draw_fresh(plain, "layercam"))


@pytest.mark.parametrize("name", ["test_resnet+csra", "test_efficientnet+mhsa+query"])
def test_a_head_s_own_maps_are_of_its_tokens_in_the_places_of_the_map(
    name: str, images: Tensor
) -> None:
    built = build_classifier(name, num_classes=4, pretrained=False, seed=1).eval()
    maps = draw(built, images, "head")
    with torch.no_grad():
        tokens = built.tokens(images)
        expected = built.head.draw_maps(tokens)[:, list(LABELS)].relu()
    height, width = maps.shape[2:]
    assert height > 1
    for place in range(height * width):
        row, column = divmod(place, width)
        torch.testing.assert_close(maps[:, :, row, column], expected[:, :, place])
    assert maps.flatten(2).std(dim=2).max() > 0
    assert draw_maps(built, see_batch(built, images), [], [], method="head").shape[0] == 0


def test_methods_that_a_model_has_no_maps_by_are_refused() -> None:
    plain, csra = (
        build_classifier(name, num_classes=4, pretrained=False, seed=1)
        for name in ("test_resnet+gem", "test_resnet+csra")
    )
    with pytest.raises(InputError, match=r"head of test_resnet\+gem makes no maps .* gradcam, "):
        require_method(plain, "test_resnet+gem", "head")
    require_method(plain, "test_resnet+gem", "gradcam")
    require_method(csra, "test_resnet+csra", "head")
    with pytest.raises(InputError, match="'heads'. Did you mean head"):
        read_method("heads")


def test_a_model_in_training_mode_is_refused(images: Tensor) -> None:
    built = build_classifier("test_resnet", num_classes=4, pretrained=False, seed=1)
    with pytest.raises(ArgumentError, match=r"model\.eval"):
        see_batch(built, images)
