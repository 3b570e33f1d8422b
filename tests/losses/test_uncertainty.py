"""Weights of labels that are learned: their formula, and where they go on planted labels."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from xlite.errors import InputError
from xlite.losses.class_weights import LOSS_NAMES
from xlite.losses.training_loss import build_loss
from xlite.settings import LossSettings
from xlite.settings.loss import UNSMOOTHABLE

LABELS = np.array([[1, 0, 0], [0, 1, 0], [1, 1, 1], [0, 0, 0], [0, 1, -1]])


def make_batch():
    generator = torch.Generator().manual_seed(0)
    targets = torch.randint(-1, 2, (16, 3), generator=generator).double()
    logits = torch.randn(16, 3, dtype=torch.float64, generator=generator)
    return logits.requires_grad_(), targets


@pytest.mark.parametrize("name", [name for name in LOSS_NAMES if name not in UNSMOOTHABLE])
def test_an_entry_costs_its_loss_over_the_variance_plus_half_its_logarithm(name):
    loss, plain = (build_loss(name, LABELS, label_weighting=one) for one in ("uncertainty", "none"))
    logits, targets = make_batch()

    def gradient(value):
        return torch.autograd.grad(value, logits, retain_graph=True)[0]

    # At first it is the plain loss, and so it stays where nothing is trained on.
    torch.testing.assert_close(loss(logits, targets), plain(logits, targets))
    s = torch.tensor([0.5, -1.0, 2.0])
    with torch.no_grad():
        loss.state.log_variance.copy_(s)
    weighted = torch.exp(-s) * gradient(plain(logits, targets))
    torch.testing.assert_close(gradient(loss(logits, targets)), weighted)
    judged = sum(loss.judge(logits, targets, epoch=0).values())
    torch.testing.assert_close(judged, plain(logits, targets))
    *_, price = loss.components(logits, targets, epoch=0).items()
    known = (targets != -1).sum(dim=0)
    assert (price[0], price[1].item()) == (
        "log-variance",
        pytest.approx(float((known * s).sum() / 2 / known.sum())),
    )
    # By hand: an image with one known label each has a single weight.
    alone = torch.full_like(targets, -1.0)
    alone[:, 1] = targets[:, 1]
    expected = np.exp(1.0) * sum(plain.components(logits, alone, epoch=0).values())
    torch.testing.assert_close(loss(logits, alone), expected - 0.5)


def test_parts_of_a_batch_add_up_to_it():
    loss = build_loss("combined", LABELS, label_weighting="uncertainty", pos_weight="sqrt")
    with torch.no_grad():
        loss.state.log_variance.copy_(torch.tensor([0.5, -1.0, 2.0]))
    logits, targets = make_batch()
    pieces = zip(logits.split(5), targets.split(5), strict=True)
    parted = sum(loss(z, y) * loss.weigh(y) for z, y in pieces) / loss.weigh(targets)
    torch.testing.assert_close(parted, loss(logits, targets))


def test_a_label_that_is_noise_is_weighed_down():
    """At the optimum e^s is twice a label's mean cost, so the weight is half of its inverse."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(256, 1, generator=generator)
    easy = (x[:, 0] > 0).float()
    noise = torch.randint(0, 2, (256,), generator=generator).float()
    targets = torch.stack([easy, noise], dim=1)
    loss = build_loss("bce", targets.numpy(), label_weighting="uncertainty")
    line = torch.nn.Linear(1, 2)
    optimizer = torch.optim.Adam([*line.parameters(), *loss.state.parameters()], lr=0.05)
    for _ in range(300):
        optimizer.zero_grad()
        loss(line(x), targets).backward()
        optimizer.step()
    easy_weight, noise_weight = loss.describe_state().values()
    cost = torch.nn.functional.binary_cross_entropy_with_logits(line(x)[:, 1], noise).item()
    assert easy_weight > 5 * noise_weight
    assert noise_weight == pytest.approx(0.5 / cost, rel=0.05)


@pytest.mark.parametrize("name", UNSMOOTHABLE)
def test_weighting_a_loss_that_is_no_likelihood_is_refused(name):
    with pytest.raises(InputError, match=f"no meaning for --loss {name}"):
        LossSettings.parse(name=name, label_weighting="uncertainty")
