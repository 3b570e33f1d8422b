"""Which way each loss pushes, and whether it pushes hard entries more than easy ones, as it claims.

Every loss is asked for its gradients on one batch of six images and six labels in which each image
and each label holds the same six entries: positives and negatives on which the model errs by 0.1,
0.3 and 0.5. A focusing loss with its modulation turned round, p^γ on the wrong side, passes any
test of its values against itself, trains, and learns most from what the model knows already.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

from xlite.losses.class_weights import LOSS_NAMES
from xlite.losses.training_loss import build_loss

ERRORS = (0.1, 0.3, 0.5)
TARGETS = (1, 1, 1, 0, 0, 0)

CLAIMS = {
    "bce": ("even", "even"),
    "pos-weight": ("even", "even"),
    "focal": ("focus", "focus"),
    "combined": ("focus", "focus"),
    "asymmetric": ("even", "focus"),
    "class-balanced": ("even", "even"),
    "distribution-balanced": ("even", "focus"),
    "ldam": ("nothing", "nothing"),
    "logit-adjusted": ("even", "even"),
    "two-way": ("nothing", "focus"),
    "zlpr": ("focus", "focus"),
    "auc-margin": ("nothing", "nothing"),
    "average-precision": ("nothing", "nothing"),
}
"""What each loss says of positives and of negatives, beside BCE. A new loss has to take a side.

focus: a hard entry weighs more against an easy one than under BCE. even: just as much. nothing:
its source claims neither. (That of two-way is of the largest negative alone.)
"""

SETTINGS = {
    "asymmetric": [
        {},
        {"asymmetric_detached": True},
        {"asymmetric_margin": 0.0},
        {"asymmetric_gamma_negative": 1.0, "asymmetric_margin": 0.2},
    ],
    "focal": [{}, {"focal_gamma": 0.5}, {"focal_alpha": 0.9, "focal_gamma": 5.0}],
    "distribution-balanced": [{}, {"tolerance_divided": True}],
}
"""Of losses with several forms, each of them."""


def make_batch():
    """Logits and targets (6, 6) of which each row and column has all entries, and which where."""
    errors = np.array([*ERRORS, *ERRORS])
    probs = np.where(np.array(TARGETS) == 1, 1 - errors, errors)
    turned = [np.roll(np.arange(6), step) for step in range(6)]
    logits = torch.tensor(np.log(probs / (1 - probs))[turned], dtype=torch.float64)
    return logits.requires_grad_(), torch.tensor(TARGETS)[np.array(turned)].double(), turned


def push(name, **settings):
    """What each entry's prob is pushed by in the direction of its target, (2, 3), beside BCE's.

    Positives, then negatives, from easy to hard.
    """
    logits, targets, turned = make_batch()
    loss = build_loss(name, targets.numpy().astype(np.int8), **settings)
    return weigh(loss(logits, targets), logits, turned)


def weigh(value, logits, turned):
    (gradient,) = torch.autograd.grad(value, logits)
    by_entry = np.array([gradient.numpy()[np.array(turned) == entry].mean() for entry in range(6)])
    return by_entry.reshape(2, 3) * [[-1.0], [1.0]] / ERRORS


def judge(weights):
    """What weights from easy to hard beside BCE's come to."""
    ratio = weights[-1] / weights[0] if weights[0] else np.inf
    return "focus" if ratio > 1.02 else "unfocus" if ratio < 0.98 else "even"


def test_every_loss_takes_a_side() -> None:
    assert tuple(CLAIMS) == LOSS_NAMES


@pytest.mark.parametrize("name", LOSS_NAMES)
def test_each_loss_pushes_the_right_way_and_focuses_what_it_says(name: str) -> None:
    for settings in SETTINGS.get(name, [{}]):
        weights = push(name, **settings)
        # A negative under the margin of the asymmetric loss is left alone; none is pushed wrongly.
        assert (weights >= 0).all()
        assert (weights[:, -1] > 0).all()
        pulls = weights * ERRORS
        assert (pulls[:, 0] < pulls[:, -1]).all(), "an easy entry is pulled less than a hard one"
        for side, claim in zip(weights, CLAIMS[name], strict=True):
            assert claim in ("nothing", judge(side)), settings


def test_a_focal_loss_turned_round_is_seen() -> None:
    """The planted fault: the modulation of the other side."""
    logits, targets, turned = make_batch()
    probs = torch.sigmoid(logits)
    costs = -(
        targets * probs**2 * probs.log() + (1 - targets) * (1 - probs) ** 2 * (1 - probs).log()
    )
    assert [judge(side) for side in weigh(costs.mean(), logits, turned)] == ["unfocus", "unfocus"]
