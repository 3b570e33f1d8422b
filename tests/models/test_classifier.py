from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from xlite.errors import InputError
from xlite.models.attention import MultiHeadSelfAttention, PerformerAttention
from xlite.models.classifier import (
    MODELS,
    Classifier,
    build_classifier,
    count_parameters,
)

# With 14 classes, computed on torchvision's backbones with attention on the feature map; timm's
# agree to the last parameter.
PARAMETERS = {
    "efficientnet_b0": 11_393_802,
    "convnext_tiny": 30_480_878,
    "mobilenet_v3_large": 7_129_246,
}


def build(name: str, *, seed: int = 0, **options: object) -> Classifier:
    return build_classifier(name, pretrained=False, seed=seed, **options)


def draw_images(size: int = 64) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (2, 1, size, size), dtype=torch.uint8, generator=generator)


def equal_states(one: nn.Module, other: nn.Module) -> bool:
    a, b = one.state_dict(), other.state_dict()
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@pytest.fixture(scope="module", params=MODELS)
def hybrid(request) -> tuple[str, Classifier]:
    return request.param, build(request.param).eval()


def test_hybrids_have_the_stated_number_of_parameters(hybrid):
    name, model = hybrid
    assert count_parameters(model) == PARAMETERS[name.rpartition("_")[0]]


def test_attention_sees_the_grid_and_changes_the_logits(hybrid):
    name, model = hybrid
    seen: list[Tensor] = []
    hook = model.attention.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    with torch.no_grad():
        logits = model(draw_images(96))
        hook.remove()
        attention, model.attention = model.attention, nn.Identity()
        without = model(draw_images(96))
        model.attention = attention

    kind = PerformerAttention if name.endswith("performer") else MultiHeadSelfAttention
    assert type(attention) is kind
    # 96 pixels at stride 32: a grid of 3 x 3.
    assert seen[0].shape == (2, 9, model.backbone.num_features)
    assert logits.shape == (2, 14)
    assert logits.dtype == torch.float32
    assert (logits - without).abs().max() > 1e-3 * logits.abs().max()


def test_logits_depend_on_every_part_of_the_attention(hybrid):
    _, model = hybrid
    with torch.no_grad():
        before = model(draw_images())
        for weight in (model.attention.qkv.weight, model.attention.projection.weight):
            saved = weight.clone()
            # Far off from the weights of initialisation, so that rounding can't pass for an effect.
            weight.mul_(-3)
            assert not torch.allclose(model(draw_images()), before, rtol=1e-4, atol=1e-6)
            weight.copy_(saved)
        assert torch.equal(model(draw_images()), before)


def test_logits_and_features_of_one_pass_are_those_of_two(hybrid):
    _, model = hybrid
    with torch.no_grad():
        logits, features = model.see(draw_images())
        assert torch.equal(logits, model(draw_images()))
        assert torch.equal(features, model.pool_features(draw_images()))
        assert torch.equal(features, model.tokens(draw_images()).mean(dim=1))


def test_every_parameter_learns(hybrid):
    _, model = hybrid
    model.train()
    model(draw_images()).square().sum().backward()
    assert [name for name, p in model.named_parameters() if p.grad is None] == []
    model.zero_grad(set_to_none=True)
    model.eval()


def test_one_token_is_an_error_not_a_silent_skip(hybrid):
    _, model = hybrid
    with pytest.raises(InputError, match=r"attention needs more than one; use a larger --image"):
        model(draw_images(32))


def test_a_plain_backbone_has_no_attention_and_takes_one_token():
    model = build("resnet18").eval()
    assert isinstance(model.attention, nn.Identity)
    assert count_parameters(model) == 11_176_512 + 512 * 256 + 256 + 256 * 14 + 14
    assert model(draw_images(32)).shape == (2, 14)


def test_tokens_of_a_transformer_reach_the_attention():
    model = build("vit_tiny_patch16_224+mhsa", num_classes=3).eval()
    assert model(draw_images(224)).shape == (2, 3)


@pytest.mark.parametrize("name", ["resnet18", "tf_efficientnet_lite0"])
def test_grey_bytes_become_three_normalised_channels(name):
    model = build(name)
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in (model.backbone.mean, model.backbone.std))
    images = draw_images()
    expected = (images.float().expand(-1, 3, -1, -1) / 255 - mean) / std
    torch.testing.assert_close(model.normalise(images), expected)
    assert torch.equal(model.normalise(images.float()), model.normalise(images))


def test_images_of_another_shape_are_refused():
    model = build("resnet18")
    with pytest.raises(ValueError, match=r"\(B, 1, S, S\), not \(2, 3, 64, 64\)"):
        model(torch.zeros(2, 3, 64, 64))


def test_channels_last_gives_the_same_logits():
    model = build("tf_efficientnet_lite0+mhsa").eval()
    with torch.no_grad():
        expected = model(draw_images())
        torch.testing.assert_close(
            model.to(memory_format=torch.channels_last)(draw_images()), expected
        )


def test_logits_are_float32_under_autocast():
    model = build("resnet18+performer").eval()
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        logits = model(draw_images())
    assert logits.dtype == torch.float32
    assert logits.isfinite().all()


def test_new_weights_are_a_function_of_the_seed_alone():
    torch.manual_seed(1)
    one = build("resnet18+performer", seed=5)
    torch.manual_seed(2)
    assert equal_states(one, build("resnet18+performer", seed=5))
    other = build("resnet18+performer", seed=6)
    for part in ("backbone", "attention", "head"):
        assert not equal_states(getattr(one, part), getattr(other, part))


def test_global_generator_stays_as_it_was():
    state = torch.get_rng_state()
    build("resnet18+performer")
    assert torch.equal(torch.get_rng_state(), state)


def test_variants_of_a_backbone_start_from_the_same_weights():
    plain, mhsa, performer = (build(f"resnet18{end}") for end in ("", "+mhsa", "+performer"))
    assert equal_states(plain.backbone, mhsa.backbone)
    assert equal_states(plain.backbone, performer.backbone)
    assert equal_states(plain.head, mhsa.head)
    assert equal_states(plain.head, performer.head)
    assert torch.equal(mhsa.attention.qkv.weight, performer.attention.qkv.weight)


HEADS = ("linear", "gem", "csra", "query")


def test_heads_stand_on_equal_backbones_and_attentions():
    plain = build("test_resnet+mhsa")
    for head in HEADS:
        other = build(f"test_resnet+mhsa+{head}")
        assert equal_states(plain.backbone, other.backbone)
        assert equal_states(plain.attention, other.attention)
        logits, features = other.eval().see(draw_images())
        assert logits.shape == (2, 14)
        assert torch.equal(features, plain.eval().pool_features(draw_images()))
        assert not torch.allclose(logits, plain(draw_images()))
        plain.train()


@pytest.mark.parametrize("head", ["gem", "csra", "query"])
def test_a_head_that_tells_places_apart_needs_several(head):
    with pytest.raises(InputError, match=r"one token .*, and its head needs more than one"):
        build(f"test_resnet+{head}")(draw_images(32))
    assert build("test_resnet+linear").eval()(draw_images(32)).shape == (2, 14)


def test_state_of_a_classifier_loads_into_another():
    one, other = build("resnet18+performer"), build("resnet18+performer", seed=1)
    assert not equal_states(one, other)
    other.load_state_dict(one.state_dict())
    one.eval()
    other.eval()
    assert torch.equal(one(draw_images()), other(draw_images()))


def test_position_encoding_lets_attention_tell_places_apart():
    """A permutation of the tokens is invisible to the pooled output, but for the position code."""

    def shuffle(model: Classifier) -> bool:
        order = torch.tensor([2, 0, 3, 1])
        feature_map = torch.randn(1, 512, 2, 2, generator=torch.Generator().manual_seed(0))
        shuffled = feature_map.flatten(2)[:, :, order].view(1, 512, 2, 2)
        backbone = model.backbone
        outputs = []
        for fixed in (feature_map, shuffled):
            hook = backbone.register_forward_hook(lambda *_, fixed=fixed: fixed)
            outputs.append(model(draw_images()))
            hook.remove()
        return torch.allclose(*outputs, atol=1e-5)

    assert shuffle(build("resnet18+mhsa").eval())
    assert not shuffle(build("resnet18+mhsa", position_encoding=True).eval())
    assert count_parameters(build("resnet18+mhsa", position_encoding=True)) == count_parameters(
        build("resnet18+mhsa")
    )


@pytest.mark.parametrize("name", MODELS)
def test_position_encoding_changes_what_the_hybrids_say(name):
    """From equal weights, and by more than rounding."""
    plain, encoded = (build(name, position_encoding=wanted).eval() for wanted in (False, True))
    assert equal_states(plain, encoded)
    with torch.no_grad():
        before, after = plain(draw_images()), encoded(draw_images())
    assert (after - before).abs().max() > 1e-3 * before.abs().max()


def test_position_encoding_without_attention_is_refused():
    with pytest.raises(InputError, match="resnet18 has no attention"):
        build("resnet18", position_encoding=True)


def test_dropout_is_in_the_head():
    model = build("resnet18", dropout=0.75)
    assert [m.p for m in model.head.modules() if isinstance(m, nn.Dropout)] == [0.75]
