from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from xlite.models.attention import (
    MeanMixing,
    MultiHeadSelfAttention,
    PerformerAttention,
    attend_linearly,
    choose_num_heads,
    draw_orthogonal_features,
    encode_positions,
    redraw_performer_features,
)

BLOCKS = [MultiHeadSelfAttention, PerformerAttention, MeanMixing]


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def attend_naively(queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    scores = queries @ keys.mT / math.sqrt(queries.shape[-1])
    return scores.softmax(dim=-1) @ values


def draw_heads(seed: int, *, scale: float = 0.5, tokens: int = 49) -> list[Tensor]:
    g = generator(seed)
    queries, keys, values = (torch.randn(1, 4, tokens, 64, generator=g) for _ in range(3))
    return [queries * scale, keys * scale, values]


def relative_error(num_features: int, *, scale: float) -> float:
    """The mean over 20 draws, as in the docstring of attend_linearly."""
    errors = []
    for seed in range(20):
        heads = draw_heads(seed, scale=scale)
        exact = attend_naively(*heads)
        features = draw_orthogonal_features(num_features, 64, generator=generator(100 + seed))
        errors.append((attend_linearly(*heads, features) - exact).norm() / exact.norm())
    return float(torch.stack(errors).mean())


@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize("num_channels", [96, 768, 960, 1280])
def test_both_blocks_hold_the_stated_number_of_parameters(block, num_channels):
    attention = block(num_channels)
    count = sum(parameter.numel() for parameter in attention.parameters())
    assert count == 4 * num_channels**2 + 3 * num_channels


def test_mhsa_equals_attention_written_out():
    attention = MultiHeadSelfAttention(48, num_heads=3).double()
    tokens = torch.randn(2, 10, 48, generator=generator(), dtype=torch.float64)

    normed = functional.layer_norm(
        tokens, (48,), attention.norm.weight, attention.norm.bias, attention.norm.eps
    )
    queries, keys, values = (normed @ attention.qkv.weight.T).chunk(3, dim=-1)
    heads = [
        attend_naively(queries[..., part], keys[..., part], values[..., part])
        for part in (slice(0, 16), slice(16, 32), slice(32, 48))
    ]
    expected = tokens + attention.projection(torch.cat(heads, dim=-1))
    torch.testing.assert_close(attention(tokens), expected)


@pytest.mark.parametrize("block", BLOCKS)
def test_attention_is_permutation_equivariant_and_changes_its_input(block):
    attention = block(128)
    tokens = torch.randn(2, 12, 128, generator=generator())
    order = torch.randperm(12, generator=generator(1))
    torch.testing.assert_close(attention(tokens)[:, order], attention(tokens[:, order]))
    assert (attention(tokens) - tokens).abs().max() > 1e-3


@pytest.mark.parametrize("block", BLOCKS)
def test_each_token_sees_every_other(block):
    attention = block(64)
    tokens = torch.randn(1, 9, 64, generator=generator(), requires_grad=True)
    attention(tokens)[0, 0].sum().backward()
    assert (tokens.grad[0].abs().sum(dim=1) > 0).all()


@pytest.mark.parametrize("block", BLOCKS)
def test_gradients_agree_with_finite_differences(block):
    attention = block(8, num_heads=2).double()
    tokens = torch.randn(1, 4, 8, generator=generator(), dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(attention, (tokens,))


def test_heads_have_to_divide_the_channels():
    with pytest.raises(ValueError, match="5 heads do not divide 64"):
        MultiHeadSelfAttention(64, num_heads=5)


@pytest.mark.parametrize(
    ("scale", "documented"),
    [(0.5, {16: 0.91, 64: 0.58, 256: 0.37, 1024: 0.22}), (1.0, {16: 2.01, 1024: 1.50})],
)
def test_performer_converges_to_softmax_as_its_docstring_says(scale, documented):
    errors = {count: relative_error(count, scale=scale) for count in documented}
    assert list(errors.values()) == sorted(errors.values(), reverse=True)
    assert errors == pytest.approx(documented, rel=0.1)


def test_performer_reaches_softmax_with_very_many_features():
    heads = draw_heads(0, scale=0.3, tokens=16)
    features = draw_orthogonal_features(2**16, 64, generator=generator())
    exact = attend_naively(*heads)
    assert (attend_linearly(*heads, features) - exact).norm() < 0.01 * exact.norm()


def test_orthogonal_features_beat_independent_ones():
    def error(seed: int, features: Tensor) -> Tensor:
        heads = draw_heads(seed)
        return (attend_linearly(*heads, features) - attend_naively(*heads)).norm()

    orthogonal = independent = torch.zeros(())
    for seed in range(40):
        orthogonal = orthogonal + error(
            seed, draw_orthogonal_features(64, 64, generator=generator(seed))
        )
        independent = independent + error(seed, torch.randn(64, 64, generator=generator(seed)))
    assert orthogonal < independent


def test_features_are_gaussian_and_orthogonal_in_blocks():
    features = draw_orthogonal_features(4096, 16, generator=generator())
    blocks = features.view(-1, 16, 16)
    gram = blocks @ blocks.mT
    assert (gram - torch.diag_embed(gram.diagonal(dim1=1, dim2=2))).abs().max() < 1e-4
    torch.testing.assert_close(features.T.cov(), torch.eye(16), atol=0.1, rtol=0)
    # The lengths are those of Gaussian rows, not all alike: E|w|^4 = d (d + 2).
    assert features.square().sum(dim=1).square().mean() == pytest.approx(16 * 18, rel=0.05)


def test_estimate_ignores_a_common_part_of_the_keys():
    queries, keys, values = draw_heads(0)
    features = draw_orthogonal_features(64, 64, generator=generator())
    torch.testing.assert_close(
        attend_linearly(queries, keys + 3.0, values, features),
        attend_linearly(queries, keys, values, features),
        atol=1e-4,
        rtol=1e-4,
    )


@pytest.mark.parametrize("scale", [1e-4, 30.0, 1000.0])
def test_estimate_stays_a_weighted_mean_at_any_magnitude(scale):
    queries, keys, values = draw_heads(0, scale=scale)
    features = draw_orthogonal_features(64, 64, generator=generator())
    estimate = attend_linearly(queries, keys, values, features)
    assert estimate.isfinite().all()
    # Positive features give positive weights that sum to one: no value leaves the values' range.
    assert (estimate <= values.amax(dim=-2, keepdim=True) + 1e-4).all()
    assert (estimate >= values.amin(dim=-2, keepdim=True) - 1e-4).all()


def test_performer_keeps_its_estimate_in_float32_under_autocast():
    attention = PerformerAttention(64)
    tokens = torch.randn(1, 9, 64, generator=generator())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        result = attention(tokens)
    torch.testing.assert_close(result, attention(tokens), atol=0.05, rtol=0.05)


def test_features_are_saved_and_change_only_when_redrawn():
    attention = PerformerAttention(64, num_features=32)
    before = attention.random_features.clone()
    attention(torch.randn(1, 4, 64, generator=generator())).sum().backward()
    assert torch.equal(attention.random_features, before)

    attention.redraw_features(generator(7))
    assert not torch.equal(attention.random_features, before)
    other = PerformerAttention(64, num_features=32)
    other.redraw_features(generator(7))
    assert torch.equal(other.random_features, attention.random_features)

    other.load_state_dict(attention.state_dict() | {"random_features": before})
    assert torch.equal(other.random_features, before)


def test_all_performer_blocks_of_a_model_are_redrawn_one_after_the_other():
    model = nn.Sequential(
        PerformerAttention(64), MultiHeadSelfAttention(64), nn.Sequential(PerformerAttention(64))
    )
    before = [block.random_features.clone() for block in (model[0], model[2][0])]
    assert redraw_performer_features(model, generator(7)) == 2
    after = [block.random_features.clone() for block in (model[0], model[2][0])]
    for tensor in (*before, after[1]):
        assert not torch.equal(after[0], tensor)
    redraw_performer_features(model, generator(7))
    assert torch.equal(model[2][0].random_features, after[1])
    assert redraw_performer_features(MultiHeadSelfAttention(64), generator()) == 0


def test_redrawn_features_change_the_estimate_within_its_error():
    attention = PerformerAttention(64, num_features=1024)
    tokens = torch.randn(1, 49, 64, generator=generator())
    before = attention(tokens)
    redraw_performer_features(attention, generator(7))
    after = attention(tokens)
    assert not torch.equal(after, before)
    torch.testing.assert_close(after, before, atol=0.05, rtol=0)


@given(st.integers(min_value=1, max_value=4096))
def test_head_count_divides_any_number_of_channels(num_channels):
    num_heads = choose_num_heads(num_channels)
    assert num_channels % num_heads == 0
    if num_channels % 64 == 0:
        assert num_channels // num_heads == 64


def test_position_code_tells_every_position_of_a_grid_apart():
    code = encode_positions(5, 7, 66)
    assert code.shape == (35, 66)
    assert code.abs().max() <= 1
    assert torch.pdist(code).min() > 0.1
    # 66 is no multiple of four: the last two channels carry nothing.
    assert (code[:, 64:] == 0).all()
    # Row-major, as flatten(2) of a (B, D, H, W) map: a column's code repeats every seven tokens.
    assert torch.equal(code[:28, :32], code[7:, :32])
    assert not torch.equal(code[:28, 32:64], code[7:, 32:64])


def test_the_control_is_attention_to_all_tokens_alike():
    """With queries of zero exact attention is uniform: the control computes the same."""
    torch.manual_seed(0)
    exact, control = MultiHeadSelfAttention(96), MeanMixing(96)
    control.load_state_dict(exact.state_dict())
    tokens = torch.randn(2, 49, 96)
    assert not torch.allclose(control(tokens), exact(tokens), atol=1e-4)
    with torch.no_grad():
        exact.qkv.weight[:96] = 0.0
    torch.testing.assert_close(control(tokens), exact(tokens))
    sizes = {sum(p.numel() for p in block.parameters()) for block in (exact, control)}
    assert sizes == {4 * 96**2 + 3 * 96}


def test_the_estimate_errs_by_more_than_uniform_averaging_at_the_scale_of_a_new_block():
    generator = torch.Generator().manual_seed(0)
    errors = []
    for _ in range(20):
        queries, keys = (0.5 * torch.randn(4, 49, 64, generator=generator) for _ in range(2))
        values = torch.randn(4, 49, 64, generator=generator)
        exact = torch.nn.functional.scaled_dot_product_attention(queries, keys, values)
        features = draw_orthogonal_features(256, 64, generator=generator)
        uniform = values.mean(dim=-2, keepdim=True).expand_as(values)
        estimates = (attend_linearly(queries, keys, values, features), uniform)
        errors.append([float((one - exact).norm() / exact.norm()) for one in estimates])
    performer, averaging = torch.tensor(errors).mean(dim=0).tolist()
    assert performer == pytest.approx(0.37, abs=0.02)
    assert averaging == pytest.approx(0.24, abs=0.02)
