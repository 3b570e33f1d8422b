"""The heads against their papers' formulas, a number at a time, and what they degenerate to."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from xlite.errors import InputError
from xlite.models.heads import (
    CsraHead,
    GemHead,
    Head,
    MapHead,
    MeanHead,
    QueryHead,
    build_head,
)

B, T, D, C = 3, 6, 8, 4
NAMES = ("plain", "linear", "gem", "csra", "query")


def build(name: str, **options: object) -> Head:
    torch.manual_seed(0)
    return build_head(name, D, C, **{"dropout": 0.0, **options}).double().eval()


@pytest.fixture
def tokens() -> Tensor:
    """What a ReLU leaves, of several sizes: softmax over it is not flat."""
    generator = torch.Generator().manual_seed(1)
    return torch.randn(B, T, D, generator=generator, dtype=torch.float64).relu() * 3


def as_array(tensor: Tensor) -> np.ndarray:
    return tensor.detach().numpy()


def softmax(values: np.ndarray) -> np.ndarray:
    powers = np.exp(values - values.max())
    return powers / powers.sum()


def close(found: Tensor, expected: object, tolerance: float = 1e-6) -> None:
    wanted = torch.as_tensor(np.asarray(expected))
    torch.testing.assert_close(found.detach(), wanted, rtol=0, atol=tolerance)


@pytest.mark.parametrize("num_heads", [1, 2, 4])
def test_csra_is_the_papers_formula(tokens: Tensor, num_heads: int) -> None:
    head = build("csra", csra_lambda=0.4, csra_heads=num_heads)
    weight, bias = (as_array(t) for t in (head.classifier.weight, head.classifier.bias))
    temperatures = {1: [1.0], 2: [1.0, np.inf], 4: [1.0, 2.0, 4.0, np.inf]}[num_heads]
    expected = np.zeros((B, C))
    for b in range(B):
        for h, temperature in enumerate(temperatures):
            for c in range(C):
                scores = np.array(
                    [weight[h * C + c] @ x + bias[h * C + c] for x in as_array(tokens[b])]
                )
                attended = scores.max()
                if np.isfinite(temperature):
                    attended = softmax(temperature * scores) @ scores
                expected[b, c] += scores.mean() + 0.4 * attended
    close(head(tokens), expected)


def test_csra_is_the_linear_head_without_attention_and_the_maximum_when_cold(
    tokens: Tensor,
) -> None:
    linear, flat = build("linear", dropout=0.5), build("csra", csra_lambda=0.0, dropout=0.5)
    assert torch.equal(linear[1].weight, flat.classifier.weight), "from equal weights"
    assert linear(tokens).std() > 0.1
    close(flat(tokens), linear(tokens).detach())
    # In training they leave out the same channels, too.
    logits = []
    for head in (linear.train(), flat.train()):
        torch.manual_seed(3)
        logits.append(head(tokens))
    close(logits[1], logits[0].detach())

    cold = build("csra", csra_lambda=1.0, csra_temperature=1e6)
    scores = cold.classifier(tokens)
    close(cold(tokens), (scores.mean(dim=1) + scores.amax(dim=1)).detach())
    largest, hottest = scores.max(dim=1)
    speaks = (largest - cold.classifier.bias) > 0
    assert speaks.float().mean() > 0.5
    assert torch.equal(cold.draw_maps(tokens).argmax(dim=2)[speaks], hottest[speaks])


@pytest.mark.parametrize("num_heads", [1, 4])
def test_maps_of_csra_add_up_to_its_logits(tokens: Tensor, num_heads: int) -> None:
    head = build("csra", csra_lambda=0.7, csra_heads=num_heads)
    maps = head.draw_maps(tokens)
    assert maps.shape == (B, C, T)
    bias = 1.7 * head.classifier.bias.view(num_heads, C).sum(dim=0)
    close(maps.sum(dim=2) + bias, head(tokens).detach())


def test_gem_is_the_papers_formula_from_the_mean_to_the_maximum(tokens: Tensor) -> None:
    head, plain = build("gem"), build("plain")
    assert head.exponent.item() == 3
    expected = np.zeros((B, D))
    for b in range(B):
        for d in range(D):
            expected[b, d] = np.mean([float(x) ** 3 for x in tokens[b, :, d]]) ** (1 / 3)
    close(head.pool(tokens), expected, 1e-5)
    assert all(torch.equal(head.get_parameter(n), p) for n, p in plain.named_parameters())
    with torch.no_grad():
        head.exponent.fill_(1.0)
        close(head(tokens), plain(tokens).detach(), 2e-6)
        head.exponent.fill_(200.0)
        largest = tokens.amax(dim=1)
        close(head.pool(tokens) / largest.clamp(min=1e-6), np.ones((B, D)), 0.01)


def by_loops(head: QueryHead, tokens: Tensor) -> np.ndarray:
    """The logits of a query head, one film, label and head of attention after the other."""
    p = {name: as_array(tensor) for name, tensor in head.named_parameters()}
    E = p["queries"].shape[1]
    d = E // head.attention.num_heads

    def norm(x: np.ndarray, name: str) -> np.ndarray:
        scaled = (x - x.mean()) / np.sqrt(x.var() + 1e-5)
        return scaled * p[f"{name}.weight"] + p[f"{name}.bias"]

    def linear(x: np.ndarray, name: str) -> np.ndarray:
        return p[f"{name}.weight"] @ x + p[f"{name}.bias"]

    logits = np.zeros((len(tokens), C))
    W, b = p["attention.in_proj_weight"], p["attention.in_proj_bias"]
    for film in range(len(tokens)):
        keys = [np.maximum(linear(x, "narrow.0"), 0) for x in as_array(tokens[film])]
        for label in range(C):
            query = norm(p["queries"][label], "query_norm")
            q = W[:E] @ query + b[:E]
            gathered = np.zeros(E)
            for head_number in range(head.attention.num_heads):
                part = slice(head_number * d, (head_number + 1) * d)
                k = [(W[E : 2 * E] @ x + b[E : 2 * E])[part] for x in keys]
                v = [(W[2 * E :] @ x + b[2 * E :])[part] for x in keys]
                shares = softmax(np.array([q[part] @ one / math.sqrt(d) for one in k]))
                gathered[part] = sum(s * one for s, one in zip(shares, v, strict=True))
            query = norm(query + linear(gathered, "attention.out_proj"), "attention_norm")
            widened = np.maximum(linear(query, "feed_forward.0"), 0)
            query = norm(query + linear(widened, "feed_forward.3"), "feed_forward_norm")
            logits[film, label] = p["classifier.weight"][label] @ query
            logits[film, label] += p["classifier.bias"][label]
    return logits


def test_the_query_head_is_a_decoder_layer_without_attention_among_queries(tokens: Tensor) -> None:
    head = build("query")
    with torch.no_grad():
        for name, parameter in head.named_parameters():
            if "norm" in name or name.endswith("bias"):
                parameter.add_(torch.randn_like(parameter) / 4)  # from 0 and 1, which hide a fault
    close(head(tokens), by_loops(head, tokens))
    maps = head.draw_maps(tokens)
    assert maps.shape == (B, C, T)
    assert maps.min() >= 0
    close(maps.sum(dim=2), np.ones((B, C)))
    assert maps.std(dim=2).min() > 1e-3


def test_a_query_head_averages_where_keys_are_equal_and_knows_labels_by_queries_alone(
    tokens: Tensor,
) -> None:
    head = build("query")
    E = head.queries.shape[1]
    order = torch.randperm(T, generator=torch.Generator().manual_seed(0))
    close(head(tokens[:, order]), head(tokens).detach())
    with torch.no_grad():
        head.attention.in_proj_weight[E : 2 * E] = 0
        close(head.draw_maps(tokens), np.full((B, C, T), 1 / T))
        # All places alike: what is gathered is made of the mean of the narrower tokens.
        head.narrow.append(nn.Identity())
        mean = head.narrow(tokens).mean(dim=1, keepdim=True)
        logits = head(tokens)
        head.narrow = nn.Sequential()
        close(head(mean), logits)
        head.queries.copy_(head.queries[:1].expand(C, -1).clone())
        head.classifier.weight.copy_(head.classifier.weight[:1].expand(C, -1).clone())
        head.classifier.bias.zero_()
        alike = head(mean)
        close(alike, alike[:, :1].expand(-1, C))


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_learns_and_half_precision_says_nearly_the_same(
    name: str, tokens: Tensor
) -> None:
    head = build(name, **({"csra_heads": 2} if name == "csra" else {})).float().train()
    small = tokens.float()
    head(small).square().sum().backward()
    assert [n for n, p in head.named_parameters() if p.grad is None or not p.grad.any()] == []
    head.eval()
    exact = head(small)
    assert exact.dtype == torch.float32
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        rough = head(small).float()
    assert (rough - exact).abs().max() < 0.05 * exact.abs().max()
    assert isinstance(head, MapHead) == (name in ("csra", "query"))
    assert head.needs_places == (name in ("gem", "csra", "query"))


@pytest.mark.parametrize("name", NAMES)
def test_dropout_is_in_every_head(name: str, tokens: Tensor) -> None:
    for rate, differs in ((0.0, False), (0.9, True)):
        head = build(name, dropout=rate).train()
        torch.manual_seed(1)
        assert torch.equal(head(tokens), head(tokens)) != differs


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("plain", {"csra_lambda": 0.2}, "are of the head csra, and this model has the plain one"),
        ("query", {"csra_heads": 2}, "this model has the query one. Leave them out"),
        ("csra", {"csra_heads": 3}, "--csra-heads 3: csra has temperatures for 1, 2, 4, 6 or 8"),
        ("csra", {"csra_heads": 4, "csra_temperature": 2.0}, "Leave one of the two out"),
    ],
)
def test_settings_that_would_do_nothing_are_refused(
    name: str, options: dict[str, float], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        build(name, **options)


def test_the_kinds() -> None:
    kinds = {name: type(build(name)) for name in NAMES}
    assert kinds == {
        "plain": MeanHead,
        "linear": MeanHead,
        "gem": GemHead,
        "csra": CsraHead,
        "query": QueryHead,
    }
