"""Label smoothing and the mean over known entries."""

from __future__ import annotations

import math

import pytest
import torch

from xlite.losses.elementwise import at_least_float32, focus, mean_over_known, side_costs

LOGITS = torch.tensor([[-40.0, -3.0, 0.0], [0.5, 4.0, 25.0]], dtype=torch.float64)


def test_sides_are_the_logs_of_both_probs():
    positive, negative = side_costs(LOGITS)
    for row, column in torch.cartesian_prod(torch.arange(2), torch.arange(3)).tolist():
        z = LOGITS[row, column].item()
        assert positive[row, column].item() == pytest.approx(math.log1p(math.exp(-z)), rel=1e-14)
        assert negative[row, column].item() == pytest.approx(math.log1p(math.exp(z)), rel=1e-14)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 3.0])
def test_focus_is_a_power_of_the_wrong_sides_prob(gamma):
    probs = torch.sigmoid(LOGITS)
    on_positive, on_negative = focus(LOGITS, gamma)
    torch.testing.assert_close(on_positive, torch.sigmoid(-LOGITS) ** gamma)
    torch.testing.assert_close(on_negative, probs**gamma)


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
def test_the_mean_is_over_known_entries_with_soft_targets(smoothing):
    targets = torch.tensor([[1.0, 0.0, -1.0], [-1.0, 1.0, 0.0]])
    positive, negative = side_costs(LOGITS)
    total, count = 0.0, 0
    for row in range(2):
        for column in range(3):
            y = targets[row, column].item()
            if y >= 0:
                t = y * (1 - smoothing) + smoothing / 2
                total += t * positive[row, column].item() + (1 - t) * negative[row, column].item()
                count += 1
    assert count == 4
    value = mean_over_known(positive, negative, targets, smoothing=smoothing)
    assert value.item() == pytest.approx(total / count, rel=1e-7)


def test_an_unknown_entry_may_cost_infinitely_much():
    sides = torch.tensor([[1.0, math.inf]]), torch.tensor([[2.0, math.inf]])
    assert mean_over_known(*sides, torch.tensor([[0.0, -1.0]])).item() == 2.0


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (torch.float16, torch.float32),
        (torch.bfloat16, torch.float32),
        (torch.float32, torch.float32),
        (torch.float64, torch.float64),
    ],
)
def test_half_precision_becomes_single(given, kept):
    assert at_least_float32(torch.zeros(1, dtype=given)).dtype == kept
