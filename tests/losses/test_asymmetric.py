"""ASL against its definition in plain loops, and its gradients where a naive one has none."""

from __future__ import annotations

import math

import pytest
import torch

from xlite.losses.asymmetric import asymmetric_loss
from xlite.losses.binary import bce_loss, focal_loss

SETTINGS = [
    {"gamma_negative": 4.0, "gamma_positive": 0.0, "margin": 0.05},
    {"gamma_negative": 4.0, "gamma_positive": 1.0, "margin": 0.2},
    {"gamma_negative": 0.5, "gamma_positive": 0.5, "margin": 0.0},
    {"gamma_negative": 0.5, "gamma_positive": 2.0, "margin": 0.1},
    {"gamma_negative": 0.0, "gamma_positive": 0.0, "margin": 0.1},
]


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(16, 3, dtype=torch.float64, generator=generator)
    targets = torch.randint(-1, 2, (16, 3), generator=generator).double()
    return logits.requires_grad_(), targets


def by_definition(logits, targets, *, gamma_negative, gamma_positive, margin, smoothing=0.0):
    costs = []
    for z, y in zip(logits.flatten().tolist(), targets.flatten().tolist(), strict=True):
        if y == -1:
            continue
        p = 1 / (1 + math.exp(-z))
        shifted = max(p - margin, 0.0)
        t = y * (1 - smoothing) + smoothing / 2
        costs.append(
            -t * (1 - p) ** gamma_positive * math.log(p)
            - (1 - t) * shifted**gamma_negative * math.log(1 - shifted)
        )
    return sum(costs) / len(costs)


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_asl_is_its_definition(batch, settings, smoothing):
    value = asymmetric_loss(*batch, **settings, smoothing=smoothing)
    expected = by_definition(*batch, **settings, smoothing=smoothing)
    assert value.item() == pytest.approx(expected, rel=1e-12)


def test_without_margin_it_is_bce_or_focal(batch):
    plain = asymmetric_loss(*batch, gamma_negative=0.0, gamma_positive=0.0, margin=0.0)
    torch.testing.assert_close(plain, bce_loss(*batch))
    focal = asymmetric_loss(*batch, gamma_negative=2.0, gamma_positive=2.0, margin=0.0)
    torch.testing.assert_close(focal, 2 * focal_loss(*batch, alpha=0.5, gamma=2.0))


@pytest.mark.parametrize("settings", SETTINGS)
def test_gradients_are_right(batch, settings):
    logits, targets = batch
    assert torch.autograd.gradcheck(
        lambda values: asymmetric_loss(values, targets, **settings), (logits,)
    )


def test_a_negative_under_the_margin_has_no_gradient_and_one_over_it_has():
    logits = torch.tensor([[0.09, 0.11]]).logit().requires_grad_()
    asymmetric_loss(logits, torch.zeros(1, 2), margin=0.1, gamma_negative=0.5).backward()
    assert logits.grad[0, 0] == 0.0
    assert logits.grad[0, 1] > 0


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("size", [100.0, 1e4, 1e30])
def test_large_logits_give_finite_gradients(settings, size):
    logits = torch.tensor([[size, -size], [size, -size]], requires_grad=True)
    value = asymmetric_loss(logits, torch.tensor([[1.0, 1.0], [0.0, 0.0]]), **settings)
    value.backward()
    assert torch.isfinite(value)
    assert torch.isfinite(logits.grad).all()
    assert logits.grad[0, 1] < 0
    # A negative that is called positive for sure is pushed back without a margin only.
    assert (logits.grad[1, 0] > 0) == (settings["margin"] == 0.0)


def as_its_authors_train(logits, targets, *, gamma_negative, gamma_positive, margin):
    """Their training code, sum turned into mean: the weight is computed without a graph."""
    present = torch.sigmoid(logits)
    absent = (1 - present + margin).clamp(max=1)
    costs = targets * present.clamp(min=1e-8).log() + (1 - targets) * absent.clamp(min=1e-8).log()
    with torch.no_grad():
        right = present * targets + absent * (1 - targets)
        gamma = gamma_positive * targets + gamma_negative * (1 - targets)
        weights = (1 - right) ** gamma
    return -(costs * weights).mean()


@pytest.mark.parametrize("settings", SETTINGS)
def test_detached_it_is_what_its_authors_train_with(batch, settings):
    logits, targets = batch[0], batch[1].clamp(min=0)
    value = asymmetric_loss(logits, targets, **settings, detached=True)
    theirs = as_its_authors_train(logits, targets, **settings)
    torch.testing.assert_close(value, theirs)
    torch.testing.assert_close(value, asymmetric_loss(logits, targets, **settings))
    gradients = [torch.autograd.grad(loss, logits)[0] for loss in (value, theirs)]
    torch.testing.assert_close(*gradients)


def test_attached_negatives_have_up_to_five_times_that_gradient():
    logits = torch.logit(torch.tensor([0.06, 0.3, 0.85, 0.999], dtype=torch.float64))
    logits.requires_grad_()
    gradients = [
        torch.autograd.grad(
            asymmetric_loss(logits[:, None], torch.zeros(4, 1), detached=detached), logits
        )[0]
        for detached in (False, True)
    ]
    ratio = gradients[0] / gradients[1]
    shifted = logits.detach().sigmoid() - 0.05
    torch.testing.assert_close(ratio, 1 - 4 * (1 - shifted) * (1 - shifted).log() / shifted)
    assert ratio.max() == pytest.approx(5, abs=0.1)
    assert ratio.min() == pytest.approx(1.6, abs=0.1)
