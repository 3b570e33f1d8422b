"""Losses against torch and closed forms; unknown labels against dropping them."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from xlite.losses.binary import bce_loss, focal_loss

POS_WEIGHT = torch.tensor([0.5, 3.0, 20.0], dtype=torch.float64)
ALPHA = torch.tensor([0.1, 0.25, 0.9], dtype=torch.float64)
GAMMA = torch.tensor([0.0, 0.5, 3.0], dtype=torch.float64)

LOSSES = {
    "bce": bce_loss,
    "pos-weight": lambda logits, targets: bce_loss(logits, targets, POS_WEIGHT),
    "focal": focal_loss,
    "focal per class": lambda logits, targets: focal_loss(logits, targets, alpha=ALPHA, gamma=0.5),
}


@pytest.fixture(params=LOSSES)
def loss(request):
    return LOSSES[request.param]


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(16, 3, dtype=torch.float64, generator=generator)
    targets = (torch.rand(16, 3, dtype=torch.float64, generator=generator) < 0.3).double()
    return logits.requires_grad_(), targets


def mask_some(targets):
    generator = torch.Generator().manual_seed(1)
    is_unknown = torch.rand(targets.shape, generator=generator) < 0.4
    return torch.where(is_unknown, -1.0, targets), ~is_unknown


def focal_by_definition(logits, targets, alpha, gamma):
    p = torch.sigmoid(logits)
    p_true = torch.where(targets == 1, p, 1 - p)
    alpha_true = targets * alpha + (1 - targets) * (1 - alpha)
    return (-alpha_true * (1 - p_true) ** gamma * torch.log(p_true)).mean()


@pytest.mark.parametrize("pos_weight", [None, POS_WEIGHT])
def test_bce_is_torchs(batch, pos_weight):
    logits, targets = batch
    expected = binary_cross_entropy_with_logits(logits, targets, pos_weight=pos_weight)
    torch.testing.assert_close(bce_loss(logits, targets, pos_weight), expected)


@pytest.mark.parametrize("alpha", [0.25, 0.7, ALPHA])
@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0, 5.0, GAMMA])
def test_focal_is_the_papers_equation(batch, alpha, gamma):
    logits, targets = batch
    torch.testing.assert_close(
        focal_loss(logits, targets, alpha=alpha, gamma=gamma),
        focal_by_definition(logits, targets, alpha, gamma),
        rtol=1e-12,
        atol=0,
    )


@pytest.mark.parametrize("pos_weight", [None, POS_WEIGHT])
def test_smoothed_bce_is_torchs_of_soft_targets(batch, pos_weight):
    logits, targets = batch
    soft = targets * 0.8 + 0.1
    torch.testing.assert_close(
        bce_loss(logits, targets, pos_weight, smoothing=0.2),
        binary_cross_entropy_with_logits(logits, soft, pos_weight=pos_weight),
    )


def test_focal_without_focus_is_half_of_bce(batch):
    torch.testing.assert_close(focal_loss(*batch, alpha=0.5, gamma=0.0), 0.5 * bce_loss(*batch))


def test_unknown_entries_leave_value_and_gradient_as_if_dropped(loss, batch):
    logits, targets = batch
    masked, is_known = mask_some(targets)
    value = loss(logits, masked)
    value.backward()
    alone = []
    for position in is_known.nonzero():
        is_this = torch.zeros_like(is_known)
        is_this[tuple(position)] = True
        alone.append(loss(logits.detach(), torch.where(is_this, targets, -1.0)))
    assert 10 < len(alone) < targets.numel()
    torch.testing.assert_close(value, torch.stack(alone).mean())
    assert (logits.grad[~is_known] == 0).all()
    assert (logits.grad[is_known] != 0).all()
    # Coded as absent they would count: the mask does something.
    assert not torch.isclose(value, loss(logits, masked.clamp(min=0)))


def test_unknown_entries_leave_torchs_own_loss_of_the_rest(batch):
    logits, targets = batch
    masked, is_known = mask_some(targets)
    expected = binary_cross_entropy_with_logits(logits[is_known], targets[is_known])
    torch.testing.assert_close(bce_loss(logits, masked), expected)


def test_whole_unknown_rows_equal_a_smaller_batch(loss, batch):
    logits, targets = batch
    masked = targets.clone()
    masked[5:] = -1
    torch.testing.assert_close(loss(logits, masked), loss(logits[:5], targets[:5]))


def test_nothing_known_is_zero_with_a_graph(loss, batch):
    logits, targets = batch
    value = loss(logits, torch.full_like(targets, -1))
    assert value.item() == 0.0
    value.backward()
    assert (logits.grad == 0).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("size", [50.0, 1e4, 1e30])
def test_large_logits_give_finite_values_and_gradients(loss, size, dtype):
    logits = torch.tensor([[size, -size, 0.0]] * 2, dtype=dtype, requires_grad=True)
    targets = torch.tensor([[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]], dtype=dtype)
    value = loss(logits, targets)
    value.backward()
    assert torch.isfinite(value)
    assert torch.isfinite(logits.grad).all()
    # Right and sure costs nothing; wrong and sure is pushed back.
    assert logits.grad[0, :2].abs().max() < 1e-15
    assert logits.grad[1, 0] > 0 > logits.grad[1, 1]


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0, GAMMA])
def test_focal_gradients_are_right(batch, gamma):
    logits, targets = batch
    masked, _ = mask_some(targets)
    assert torch.autograd.gradcheck(
        lambda values: focal_loss(values, masked, alpha=ALPHA, gamma=gamma), (logits,)
    )


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_logits_are_summed_in_float32(dtype):
    logits = torch.randn(64, 14, generator=torch.Generator().manual_seed(0)).to(dtype)
    targets = (torch.arange(64 * 14).reshape(64, 14) % 5 == 0).to(dtype)
    for loss in (bce_loss, focal_loss):
        value = loss(logits, targets)
        assert value.dtype == torch.float32
        torch.testing.assert_close(value, loss(logits.float(), targets.float()))
