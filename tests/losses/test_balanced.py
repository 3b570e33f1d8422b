"""Class- and distribution-balanced losses against torch and plain loops."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from xlite.losses.balanced import class_balanced_loss, distribution_balanced_loss
from xlite.losses.binary import bce_loss

POSITIVES = torch.tensor([200.0, 30.0, 4.0], dtype=torch.float64)
LOG_ODDS = torch.log(POSITIVES / (1000 - POSITIVES))
DEFAULTS = {"alpha": 0.1, "beta": 10.0, "mu": 0.2, "kappa": 0.05, "lam": 2.0}
OTHERS = {"alpha": 0.3, "beta": 2.0, "mu": 0.6, "kappa": 0.4, "lam": 5.0}


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(16, 3, dtype=torch.float64, generator=generator)
    targets = torch.randint(-1, 2, (16, 3), generator=generator).double()
    # Both an image without a finding and one whose only known labels are positive.
    targets[0], targets[1] = 0.0, torch.tensor([1.0, -1.0, 1.0])
    return logits.requires_grad_(), targets


def balanced(logits, targets, **settings):
    constants = {"positives": POSITIVES, "log_odds": LOG_ODDS}
    return distribution_balanced_loss(logits, targets, **constants, **settings)


def by_definition(logits, targets, *, alpha, beta, mu, kappa, lam, smoothing=0.0):
    costs = []
    for zs, ys in zip(logits.tolist(), targets.tolist(), strict=True):
        rate = sum(1 / n for y, n in zip(ys, POSITIVES.tolist(), strict=True) if y == 1)
        for z, y, n in zip(zs, ys, POSITIVES.tolist(), strict=True):
            if y == -1:
                continue
            pull = math.exp(-beta * (1 / n / rate - mu)) if rate else 0.0
            weight = alpha + 1 / (1 + pull)
            shifted = z - kappa * math.log((1 - n / 1000) / (n / 1000))
            t = y * (1 - smoothing) + smoothing / 2
            positive = math.log1p(math.exp(-shifted))
            negative = math.log1p(math.exp(lam * shifted)) / lam
            costs.append(weight * (t * positive + (1 - t) * negative))
    return sum(costs) / len(costs)


@pytest.mark.parametrize("settings", [DEFAULTS, OTHERS])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_distribution_balanced_is_its_definition(batch, settings, smoothing):
    value = balanced(*batch, **settings, smoothing=smoothing)
    expected = by_definition(*batch, **settings, smoothing=smoothing)
    assert value.item() == pytest.approx(expected, rel=1e-12)


def test_the_defaults_are_the_papers_for_coco(batch):
    torch.testing.assert_close(balanced(*batch), balanced(*batch, **DEFAULTS), rtol=0, atol=0)


def test_without_any_of_its_changes_it_is_bce(batch):
    value = balanced(*batch, alpha=0.0, beta=1e-9, mu=0.0, kappa=0.0, lam=1.0)
    logits, targets = batch
    has_finding = (targets == 1).any(dim=1, keepdim=True)
    # σ(0) halves each entry, but those of images without a finding, whose ratio is infinite.
    parts = [
        bce_loss(logits, torch.where(chosen, targets, -1.0)) * (chosen & (targets >= 0)).sum()
        for chosen in (has_finding, ~has_finding)
    ]
    torch.testing.assert_close(value, (parts[0] / 2 + parts[1]) / (targets >= 0).sum())


def test_a_common_label_beside_a_rare_one_weighs_less_than_alone():
    logits = torch.zeros(2, 3, dtype=torch.float64, requires_grad=True)
    balanced(logits, torch.tensor([[1.0, 0.0, 0.0], [1.0, 0.0, 1.0]])).backward()
    alone, beside = logits.grad[:, 0].abs().tolist()
    assert beside < 0.3 * alone


def test_negatives_under_zero_are_pushed_less_than_by_bce():
    logits = torch.full((1, 3), -3.0, requires_grad=True)
    targets = torch.tensor([[0.0, 0.0, 0.0]])
    balanced(logits, targets, alpha=0.0).backward()
    # At most this weight times the gradient of BCE at the same logit, a third of it here.
    assert (logits.grad * 3 < 0.4 * torch.sigmoid(logits)).all()


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_class_balanced_is_torchs_weighted_bce(batch, smoothing):
    logits, targets = batch
    weights = torch.tensor([0.2, 0.8, 2.0], dtype=torch.float64)
    is_known = targets >= 0
    soft = targets * (1 - smoothing) + smoothing / 2
    expected = binary_cross_entropy_with_logits(
        logits[is_known], soft[is_known], weight=weights.expand_as(logits)[is_known]
    )
    value = class_balanced_loss(logits, targets, class_weights=weights, smoothing=smoothing)
    torch.testing.assert_close(value, expected)


@pytest.mark.parametrize("settings", [DEFAULTS, OTHERS])
def test_gradients_are_right(batch, settings):
    logits, targets = batch
    assert torch.autograd.gradcheck(lambda z: balanced(z, targets, **settings), (logits,))


@pytest.mark.parametrize("settings", [DEFAULTS, OTHERS])
def test_divided_it_is_its_authors_code(batch, settings):
    """Their resampling loss without the focal factor, sum turned into mean, nothing unknown."""
    logits, targets = batch[0], batch[1].clamp(min=0)
    kappa, lam = settings["kappa"], settings["lam"]
    bias = -torch.log(1000 / POSITIVES - 1) * kappa / lam
    rate = (targets / POSITIVES).sum(dim=1, keepdim=True)
    ratio = (1 / POSITIVES) / rate
    weights = torch.sigmoid(settings["beta"] * (ratio - settings["mu"])) + settings["alpha"]
    shifted = logits + bias
    shifted = shifted * (1 - targets) * lam + shifted * targets
    weights = weights / lam * (1 - targets) + weights * targets
    theirs = (weights * binary_cross_entropy_with_logits(shifted, targets, reduction="none")).mean()
    torch.testing.assert_close(balanced(logits, targets, **settings, divided=True), theirs)
    assert not torch.isclose(balanced(logits, targets, **settings), theirs)
