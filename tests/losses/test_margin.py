"""LDAM against a two-class cross-entropy with margins, logit adjustment against Bayes' rule."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from xlite.losses.binary import bce_loss
from xlite.losses.margin import ldam_loss, logit_adjusted_loss

MARGINS = torch.tensor([[0.1, 0.3, 0.5], [0.05, 0.07, 0.02]], dtype=torch.float64)
SIDE_WEIGHTS = torch.tensor([[1.0, 2.0, 6.0], [0.9, 0.5, 0.1]], dtype=torch.float64)
PREVALENCE = torch.tensor([0.2, 0.03, 0.004], dtype=torch.float64)


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(16, 3, dtype=torch.float64, generator=generator)
    targets = torch.randint(-1, 2, (16, 3), generator=generator).double()
    return logits.requires_grad_(), targets


def softmax_with_margins(logits, targets, scale, side_weights):
    """Cao et al.'s loss for the classes absent (logit 0) and present (logit z), label by label."""
    costs = []
    for column in range(3):
        for z, y in zip(logits[:, column], targets[:, column].int().tolist(), strict=True):
            if y == -1:
                continue
            both = torch.stack([torch.zeros_like(z), z])
            both = both - torch.nn.functional.one_hot(torch.tensor(y), 2) * MARGINS[1 - y, column]
            cost = cross_entropy(scale * both, torch.tensor(y))
            costs.append(cost if side_weights is None else side_weights[1 - y, column] * cost)
    return torch.stack(costs).mean()


@pytest.mark.parametrize("scale", [1.0, 30.0])
@pytest.mark.parametrize("side_weights", [None, SIDE_WEIGHTS])
def test_ldam_is_a_cross_entropy_of_two_classes_with_margins(batch, scale, side_weights):
    value = ldam_loss(*batch, margins=MARGINS, scale=scale, side_weights=side_weights)
    torch.testing.assert_close(value, softmax_with_margins(*batch, scale, side_weights))


def test_ldam_without_margins_is_bce(batch):
    none = torch.zeros(2, 3, dtype=torch.float64)
    for smoothing in (0.0, 0.2):
        torch.testing.assert_close(
            ldam_loss(*batch, margins=none, smoothing=smoothing),
            bce_loss(*batch, smoothing=smoothing),
        )


def test_a_margin_costs_the_right_side_too(batch):
    _, targets = batch
    sure = torch.where(targets == 1, 2.0, -2.0).double()
    assert ldam_loss(sure, targets, margins=MARGINS) > bce_loss(sure, targets)


@pytest.mark.parametrize("tau", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_logit_adjusted_is_torchs_bce_of_shifted_logits(batch, tau, smoothing):
    logits, targets = batch
    is_known = targets >= 0
    shifted = logits + tau * PREVALENCE.logit()
    soft = targets * (1 - smoothing) + smoothing / 2
    expected = binary_cross_entropy_with_logits(shifted[is_known], soft[is_known])
    value = logit_adjusted_loss(
        logits, targets, log_odds=PREVALENCE.logit(), tau=tau, smoothing=smoothing
    )
    torch.testing.assert_close(value, expected)


def test_what_logit_adjustment_leaves_for_an_image_of_anyone_is_one_half():
    logits = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    log_odds = PREVALENCE.logit()
    # The expected gradient over positives and negatives, at their prevalence, at a prob of 1/2.
    for target, weight in ((1.0, PREVALENCE), (0.0, 1 - PREVALENCE)):
        for column in range(3):
            one = torch.full((1, 3), -1.0)
            one[0, column] = target
            cost = logit_adjusted_loss(logits.unsqueeze(0), one, log_odds=log_odds)
            (weight[column] * cost).backward()
    torch.testing.assert_close(logits.grad, torch.zeros(3, dtype=torch.float64))


def test_gradients_are_right(batch):
    logits, targets = batch
    log_odds = PREVALENCE.logit()
    assert torch.autograd.gradcheck(
        lambda z: ldam_loss(z, targets, margins=MARGINS, scale=2.0, side_weights=SIDE_WEIGHTS),
        (logits,),
    )
    assert torch.autograd.gradcheck(
        lambda z: logit_adjusted_loss(z, targets, log_odds=log_odds, tau=0.7), (logits,)
    )
