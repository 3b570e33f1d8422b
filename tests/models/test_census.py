from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from xlite.errors import InputError
from xlite.models.attention import MultiHeadSelfAttention, PerformerAttention
from xlite.models.census import count_macs, list_default_names, measure_model
from xlite.models.classifier import MODELS, build_classifier, count_parameters


class Tiny(nn.Module):
    """A convolution of 1 to 8 channels at stride 2, a depthwise one, attention, a linear layer."""

    def __init__(self, attention: nn.Module) -> None:
        super().__init__()
        self.full = nn.Conv2d(1, 8, 3, stride=2, padding=1)
        self.depthwise = nn.Conv2d(8, 8, 3, padding=1, groups=8)
        self.norm = nn.BatchNorm2d(8)
        self.attention = attention
        self.linear = nn.Linear(8, 5)

    def forward(self, images: Tensor) -> Tensor:
        feature_map = self.norm(self.depthwise(self.full(images)))
        result: Tensor = self.linear(self.attention(feature_map.flatten(2).mT).mean(dim=1))
        return result


D, H, M = 8, 2, 6
S = 12
T = (S // 2) ** 2
d = D // H

PROJECTIONS = T * D * 3 * D + T * D * D
# By hand: what each block does between its projections.
BY_HAND = {
    "none": (nn.Identity, 0),
    # Q K^T, and the weights times V.
    "mhsa": (lambda: MultiHeadSelfAttention(D, num_heads=H), PROJECTIONS + 2 * H * T * T * d),
    # phi(Q), phi(K), phi(K)^T V, phi(Q) (..), and the denominators.
    "performer": (
        lambda: PerformerAttention(D, num_heads=H, num_features=M),
        PROJECTIONS + H * (4 * T * M * d + T * M),
    ),
}


@pytest.mark.parametrize("device", ["cpu", "meta"])
@pytest.mark.parametrize("kind", BY_HAND)
def test_macs_of_a_small_model_are_those_counted_by_hand(kind, device):
    build_attention, macs_of_attention = BY_HAND[kind]
    model = Tiny(build_attention()).to(device)
    convolutions = T * 8 * (1 * 9) + T * 8 * 9
    assert count_macs(model, image_size=S) == convolutions + macs_of_attention + 8 * 5


def test_counting_leaves_the_model_as_it_was():
    model = Tiny(nn.Identity())
    model.norm.eval()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    count_macs(model, image_size=S)
    assert model.training
    assert model.full.training
    assert not model.norm.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())


# Multiply-adds in 1e9 at 224 pixels, without their 1000-class heads' share: Tan and Le 2019
# (arXiv:1905.11946) table 2; Liu et al. 2022 (arXiv:2201.03545) table 1; Howard et al. 2019
# (arXiv:1905.02244) table 3; He et al. 2016 (arXiv:1512.03385) table 1.
PUBLISHED = {
    "efficientnet_b0": 0.39,
    "convnext_tiny": 4.5,
    "mobilenetv3_large_100": 0.219,
    "resnet18": 1.8,
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_macs_of_plain_backbones_are_the_published_ones(name):
    figures = measure_model(name)
    assert figures.image_size == 224
    assert figures.num_macs / 1e9 == pytest.approx(PUBLISHED[name], rel=0.03)


@pytest.mark.parametrize("name", MODELS)
def test_figures_on_the_meta_device_are_those_of_the_built_model(name):
    figures = measure_model(name, num_classes=3, image_size=64)
    model = build_classifier(name, num_classes=3, pretrained=False, seed=0)
    assert figures.num_parameters == count_parameters(model)
    assert figures.num_macs == count_macs(model, image_size=64)
    assert (figures.name, figures.backbone) == (name, model.backbone.timm_name)
    assert name.endswith(figures.attention)


def test_the_head_is_named_and_counted_but_for_the_plain_one():
    plain, csra = (measure_model(name, image_size=64) for name in ("resnet10t", "resnet10t+csra"))
    assert (plain.head, csra.head) == (None, "csra")
    assert "head" not in plain.to_json()
    assert csra.num_parameters == plain.num_parameters - (512 * 256 + 256 + 256 * 14) + 512 * 14


def test_performer_costs_less_than_mhsa_beyond_512_tokens_only():
    """2 T d against (4 d + 1) M: T = 2 M = 512 and a little; 22 x 22 is below, 24 x 24 above."""

    def macs(attention: str, side: int) -> int:
        return measure_model(f"resnet18+{attention}", image_size=32 * side).num_macs

    assert macs("performer", 22) > macs("mhsa", 22)
    assert macs("performer", 24) < macs("mhsa", 24)


def test_global_generator_stays_as_it_was():
    state = torch.get_rng_state()
    measure_model("resnet18+performer")
    assert torch.equal(torch.get_rng_state(), state)


def test_default_names_are_the_hybrids_beside_their_backbones():
    names = list_default_names()
    assert len(names) == len(set(names)) == 9
    assert set(MODELS) < set(names)
    assert set(names) - set(MODELS) == {spec.timm_name for spec in MODELS.values()}


@pytest.mark.parametrize(
    ("name", "image_size", "message"),
    [
        ("vit_tiny_patch16_224", 96, r"images of 224 pixels only, not 96"),
        ("resnet18+mhsa", 32, r"attention needs more than one; use a larger --image-size"),
        ("convnext_tiny", 2, r"convnext_tiny takes no images of 2 pixels \(.*--image-size 224"),
        ("resnet_18", None, r"Did you mean .*resnet18"),
    ],
)
def test_names_and_sizes_that_do_not_exist_are_input_errors(name, image_size, message):
    with pytest.raises(InputError, match=message):
        measure_model(name, image_size=image_size)


@pytest.mark.parametrize("name", list_default_names())
def test_the_table_in_the_documentation_holds_these_figures(name):
    page = (Path(__file__).parents[2] / "docs" / "models.md").read_text(encoding="utf-8")
    with torch.device("meta"):
        model = build_classifier(name, pretrained=False, seed=0)
    macs = [f"{count_macs(model, image_size=size) / 1e9:.3f}" for size in (224, 512, 1024)]
    assert f"| `{name}` | {count_parameters(model):,} | {' | '.join(macs)} |" in page
