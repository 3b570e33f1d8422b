"""Two-way and ZLPR against plain loops, and the comparisons that unknown labels stay out of."""

from __future__ import annotations

import math

import pytest
import torch

from xlite.losses.pairwise import two_way_loss, zlpr_loss


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(32, 4, dtype=torch.float64, generator=generator)
    targets = torch.randint(-1, 2, (32, 4), generator=generator).double()
    targets[0], targets[1], targets[2], targets[:, 3] = 0.0, 1.0, -1.0, -1.0
    return logits.requires_grad_(), targets


def gap_costs(rows, tp, tn):
    """What each row of (logit, target) pairs costs that has a positive and a negative."""
    costs = []
    for row in rows:
        positives = [z for z, y in row if y == 1]
        negatives = [z for z, y in row if y == 0]
        if positives and negatives:
            low = tp * math.log(sum(math.exp(-z / tp) for z in positives))
            high = tn * math.log(sum(math.exp(z / tn) for z in negatives))
            costs.append(math.log1p(math.exp(high + low)))
    return costs


def two_way_by_definition(logits, targets, tp, tn):
    pairs = [
        list(zip(*row, strict=True)) for row in zip(logits.tolist(), targets.tolist(), strict=True)
    ]
    total, counts = 0.0, []
    for rows in (pairs, zip(*pairs, strict=True)):
        costs = gap_costs(rows, tp, tn)
        total += sum(costs) / len(costs)
        counts.append(len(costs))
    return total, counts


@pytest.mark.parametrize(("tp", "tn"), [(4.0, 1.0), (1.0, 1.0), (0.5, 3.0)])
def test_two_way_is_its_definition(batch, tp, tn):
    value = two_way_loss(*batch, temperature_positive=tp, temperature_negative=tn)
    expected, (num_images, num_labels) = two_way_by_definition(*batch, tp, tn)
    assert 3 < num_images < 30
    assert num_labels == 3
    assert value.item() == pytest.approx(expected, rel=1e-12)


def test_two_way_of_one_pair_is_the_logistic_loss_of_their_difference():
    logits, targets = torch.tensor([[1.5, -0.5]]), torch.tensor([[0.0, 1.0]])
    assert two_way_loss(logits, targets).item() == pytest.approx(math.log1p(math.exp(2.0)))


def test_zlpr_is_its_definition(batch):
    logits, targets = batch
    costs = []
    for zs, ys in zip(logits.tolist(), targets.tolist(), strict=True):
        row = list(zip(zs, ys, strict=True))
        if any(y >= 0 for _, y in row):
            costs.append(
                math.log(1 + sum(math.exp(-z) for z, y in row if y == 1))
                + math.log(1 + sum(math.exp(z) for z, y in row if y == 0))
            )
    assert 10 < len(costs) < len(targets)
    expected = sum(costs) / len(costs)
    assert zlpr_loss(logits, targets).item() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("loss", [two_way_loss, zlpr_loss])
def test_an_unknown_logit_changes_nothing(batch, loss):
    logits, targets = batch
    value = loss(logits, targets)
    value.backward()
    is_unknown = targets == -1
    assert (logits.grad[is_unknown] == 0).all()
    elsewhere = torch.where(is_unknown, 99.0, logits)
    torch.testing.assert_close(loss(elsewhere, targets), value, rtol=0, atol=0)
    # Coded as absent they would count: the mask does something.
    assert not torch.isclose(loss(elsewhere, targets.clamp(min=0)), value)


@pytest.mark.parametrize("loss", [two_way_loss, zlpr_loss])
def test_gradients_are_right(batch, loss):
    logits, targets = batch
    assert torch.autograd.gradcheck(lambda values: loss(values, targets), (logits,))


@pytest.mark.parametrize(
    "targets",
    [
        torch.zeros(2, 3),
        torch.ones(2, 3),
        torch.full((2, 3), -1.0),
        torch.tensor([[1.0, -1.0, -1.0], [-1.0, 0.0, -1.0]]),
    ],
    ids=["negatives", "positives", "unknown", "no two in a row or column"],
)
def test_two_way_without_a_comparison_is_zero_with_a_graph(targets):
    logits = torch.randn(2, 3, generator=torch.Generator().manual_seed(0), requires_grad=True)
    value = two_way_loss(logits, targets)
    assert value.item() == 0.0
    value.backward()
    assert (logits.grad == 0).all()


def test_a_batch_in_parts_is_another_two_way_loss(batch):
    logits, targets = batch
    parts = (two_way_loss(logits[:8], targets[:8]) + two_way_loss(logits[8:], targets[8:])) / 2
    assert abs(parts.item() - two_way_loss(logits, targets).item()) > 0.1
