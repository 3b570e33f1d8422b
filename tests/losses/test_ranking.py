"""AUC margin and average precision against plain loops, and what they bring a score to."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score, roc_auc_score

from xlite.losses import ranking
from xlite.losses.ranking import PrecisionAverages, auc_margin_loss, average_precision_loss
from xlite.losses.training_loss import build_loss


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(0)
    logits = 2 * torch.randn(24, 4, dtype=torch.float64, generator=generator)
    targets = torch.randint(-1, 2, (24, 4), generator=generator).double()
    # A label without a negative, and one of which nothing is known.
    targets[:, 2], targets[:, 3] = targets[:, 2].abs(), -1.0
    targets[targets[:, 2] == 0, 2] = -1.0
    return logits.requires_grad_(), targets


def sides(logits, targets):
    """The probs of the positives and of the negatives of each label that has both."""
    probs, known = 1 / (1 + np.exp(-logits.detach().numpy())), targets.numpy()
    found = [(p[y == 1], p[y == 0]) for p, y in zip(probs.T, known.T, strict=True)]
    return [(high, low) for high, low in found if len(high) and len(low)]


@pytest.mark.parametrize("margin", [1.0, 0.1])
def test_auc_margin_is_the_saddle_point_of_its_paper(batch, margin):
    """The min over a and b of the max over α ≥ 0, looked for on a grid."""
    grid, costs = np.linspace(0, 2, 2001), []
    for high, low in sides(*batch):
        least = [min(((side - at) ** 2).mean() for at in grid) for side in (high, low)]
        gap = margin - high.mean() + low.mean()
        costs.append(sum(least) + (2 * grid * gap - grid**2).max())
    assert len(costs) == 2
    value = auc_margin_loss(*batch, margin=margin).item()
    assert value == pytest.approx(np.mean(costs), abs=1e-6)


def test_auc_margin_is_the_mean_square_over_pairs_where_it_is_not_cut(batch):
    """Whose expectation over batches is that of all pairs: what the closed form rests on."""
    expected = [
        np.mean([(1 - p + q) ** 2 for p, q in itertools.product(high, low)])
        for high, low in sides(*batch)
    ]
    assert auc_margin_loss(*batch).item() == pytest.approx(np.mean(expected), rel=1e-12)


def by_definition(high, low, margin):
    """u⁺ and u of each positive, (P, 2)."""
    means = []
    for own in high:
        costs = [max(0.0, margin - own + other) ** 2 for other in (*high, *low)]
        means.append([sum(costs[: len(high)]) / len(costs), sum(costs) / len(costs)])
    return np.array(means)


@pytest.mark.parametrize("margin", [1.0, 0.3])
def test_average_precision_is_its_definition(batch, margin, monkeypatch):
    found = [by_definition(*one, margin) for one in sides(*batch)]
    expected = np.mean([1 - (means[:, 0] / means[:, 1]).mean() for means in found])
    value = average_precision_loss(*batch, margin=margin)
    assert value.item() == pytest.approx(expected, rel=1e-12)
    # Judged in small blocks it is the same.
    monkeypatch.setattr(ranking, "_MOST_PAIRS", 40)
    logits, targets = batch
    judged = average_precision_loss(logits.detach(), targets, margin=margin)
    torch.testing.assert_close(judged, value.detach())


def test_a_moving_average_gives_the_gradient_of_soap():
    """Their step, written out: p_ij = (u⁺ - u y_j)/u² on the costs ℓ_ij of this batch."""
    generator = torch.Generator().manual_seed(0)
    gamma, is_positive = 0.3, torch.arange(12) < 5
    averages = PrecisionAverages(is_positive[:, None], gamma=gamma)
    known = np.zeros((12, 2))
    for step, rows in enumerate(([0, 1, 6, 7, 8], [1, 0, 3, 9, 10], [3, 1, 5, 11, 6])):
        logits = torch.randn(5, 1, dtype=torch.float64, generator=generator).requires_grad_()
        targets = is_positive[rows].double()[:, None]
        value = average_precision_loss(logits, targets, averages=averages, rows=torch.tensor(rows))
        (gradient,) = torch.autograd.grad(value, logits)
        probs, y = 1 / (1 + np.exp(-logits.detach().numpy()[:, 0])), targets.numpy()[:, 0]
        pushed, ratios = np.zeros(5), []
        num_positives = int(y.sum())
        for i in np.flatnonzero(y):
            costs = np.maximum(0, 1 - probs[i] + probs) ** 2
            new = np.array([(costs * y).mean(), costs.mean()])
            old = known[rows[i]]
            known[rows[i]] = (1 - gamma) * old + gamma * new if old.any() else new
            u_positive, u = known[rows[i]]
            ratios.append(u_positive / u)
            slopes = (u_positive - u * y) / u**2 * 2 * np.maximum(0, 1 - probs[i] + probs) / 5
            pushed += slopes
            pushed[i] -= slopes.sum()
        assert value.item() == pytest.approx(1 - np.mean(ratios), rel=1e-6), step
        expected = pushed * probs * (1 - probs) / num_positives
        np.testing.assert_allclose(gradient[:, 0], expected, rtol=1e-5, atol=1e-9)
    # Without the averages the last step is another one: the state does something.
    plain = average_precision_loss(logits, targets)
    assert not torch.allclose(torch.autograd.grad(plain, logits)[0], gradient, rtol=1e-3)


def test_averages_are_kept_by_image_and_label_and_of_two_copies_the_first_counts():
    is_positive = torch.tensor([[True, False], [True, True], [False, False]])
    averages = PrecisionAverages(is_positive, gamma=0.5)
    assert averages.means.shape == (3, 2)
    rows = torch.tensor([1, 0, 1])
    found = torch.tensor([[0.2, 0.4], [0.1, 0.2], [0.3, 0.9]])
    torch.testing.assert_close(averages.follow(found, rows, 0), found)
    torch.testing.assert_close(averages.means, torch.stack([found[1], found[0], torch.zeros(2)]))
    torch.testing.assert_close(averages.follow(2 * found[:1], rows[:1], 0), 1.5 * found[:1])
    averages.follow(found[2:], rows[2:], 1)
    torch.testing.assert_close(averages.means[2], found[2])
    again = PrecisionAverages(is_positive, gamma=0.5)
    again.load_state_dict(averages.state_dict())
    assert list(averages.state_dict()) == ["means"]
    assert torch.equal(again.means, averages.means)


@pytest.mark.parametrize("loss", [auc_margin_loss, average_precision_loss])
def test_a_batch_without_a_comparison_is_zero_with_a_graph(loss):
    for targets in (torch.zeros(3, 2), torch.ones(3, 2), torch.full((3, 2), -1.0)):
        logits = torch.randn(3, 2, requires_grad=True)
        value = loss(logits, targets)
        assert value.item() == 0.0
        value.backward()
        assert (logits.grad == 0).all()


def make_problem(seed):
    """A rare label that a line can tell, but for one positive in six, which lies far off.

    To these a likelihood gives way without end, since they cost the more the surer the model is;
    to a ranking they are lost, and that is all.
    """
    generator = np.random.default_rng(seed)
    y = (generator.random(1000) < 0.06).astype(np.int8)
    x = generator.normal(size=(1000, 2))
    x[y == 1] += [2.0, 0.5]
    x[np.flatnonzero(y == 1)[::6], 0] = -5.0
    return torch.tensor(x, dtype=torch.float32), y[:, None]


def train(name, x, y, *, start=None):
    loss, line = build_loss(name, y), torch.nn.Linear(2, 1)
    line.load_state_dict(start or {"weight": torch.zeros(1, 2), "bias": torch.zeros(1)})
    optimizer = torch.optim.AdamW(line.parameters(), lr=0.05, weight_decay=0.0)
    generator, targets = torch.Generator().manual_seed(0), torch.tensor(y, dtype=torch.float32)
    for _ in range(250):
        rows = torch.randint(len(x), (64,), generator=generator)
        optimizer.zero_grad()
        loss(line(x[rows]), targets[rows], rows=rows).backward()
        optimizer.step()
    return line.state_dict(), line(x).detach()[:, 0].numpy()


def test_each_brings_its_own_score_above_that_of_bce():
    """In training, of a line that can't fit: not a promise for a network, nor for other films."""
    for seed in (1, 6):
        x, y = make_problem(seed)
        line, plain = train("bce", x, y)
        _, by_auc = train("auc-margin", x, y, start=line)
        _, by_precision = train("average-precision", x, y, start=line)
        assert roc_auc_score(y, by_auc) > roc_auc_score(y, plain) + 0.01
        gain = average_precision_score(y, by_precision) - average_precision_score(y, plain)
        assert gain > 0.05
