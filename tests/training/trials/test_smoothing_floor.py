from __future__ import annotations

import math
from typing import get_args

import numpy as np
import pytest
import torch

from xlite.losses.training_loss import build_training_loss
from xlite.settings import LossName, LossSettings
from xlite.settings.loss import UNSMOOTHABLE
from xlite.training.trials.covering_films import choose_covering
from xlite.training.trials.smoothing_floor import find_floor

LABELS = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, -1], [0, 0, 0]], dtype=np.int8)
NAMES = ("Mass", "Edema", "Hernia")
SMOOTHABLE = [name for name in get_args(LossName) if name not in UNSMOOTHABLE]


def entropy(prob: float) -> float:
    return -prob * math.log(prob) - (1 - prob) * math.log(1 - prob)


def test_the_floor_of_bce_is_the_entropy_of_half_the_smoothing() -> None:
    for epsilon in (0.0, 0.2):
        floor = find_floor(LossSettings(name="bce"), LABELS, NAMES, epsilon)
        assert floor.value == pytest.approx(entropy((epsilon or 0.1) / 2), abs=1e-3)


def test_the_floor_of_weighted_bce_is_its_weighted_entropy() -> None:
    weight, epsilon = 9.0, 0.1
    settings = LossSettings(name="pos-weight", pos_weight=(weight,) * 3, allow_extreme=True)
    found = find_floor(settings, LABELS, NAMES).value
    # The least of t w ℓ⁺ + (1 - t) ℓ⁻ is at p = t w / (t w + 1 - t).
    sides = {}
    for label, share in ((1, 1 - epsilon / 2), (0, epsilon / 2)):
        positive, negative = share * weight, 1 - share
        sides[label] = (positive + negative) * entropy(positive / (positive + negative))
    known = LABELS[LABELS >= 0]
    assert found == pytest.approx(np.mean([sides[int(one)] for one in known]), rel=1e-3)


@pytest.mark.parametrize("name", SMOOTHABLE)
def test_no_answers_go_under_the_floor_of_the_smoothed_loss_and_sure_ones_do_without(
    name: LossName,
) -> None:
    floor = find_floor(LossSettings(name=name), LABELS, NAMES).value
    cpu, targets = torch.device("cpu"), torch.from_numpy(LABELS.astype(np.float32))
    smoothed, plain = (
        build_training_loss(
            LossSettings(name=name, label_smoothing=epsilon), LABELS, NAMES, device=cpu
        )
        for epsilon in (0.1, 0.0)
    )
    logits = torch.zeros_like(targets, requires_grad=True)
    optimizer = torch.optim.Adam([logits], lr=0.1)
    for _ in range(300):
        optimizer.zero_grad()
        smoothed(logits, targets).backward()
        optimizer.step()
    least = float(smoothed(logits.detach(), targets))
    assert least * 0.98 <= floor <= least * 1.02
    assert float(plain((targets * 2 - 1) * 8, targets)) < floor


@pytest.mark.parametrize("name", UNSMOOTHABLE)
def test_a_loss_that_is_not_smoothed_has_the_floor_of_sure_answers(name: LossName) -> None:
    floor = find_floor(LossSettings(name=name), LABELS, NAMES)
    targets = torch.from_numpy(LABELS.astype(np.float32))
    loss = build_training_loss(LossSettings(name=name), LABELS, NAMES, device=torch.device("cpu"))
    sure = math.log(0.95 / 0.05)
    assert floor.value == pytest.approx(float(loss((targets * 2 - 1) * sure, targets)), rel=1e-4)
    assert "probs of 0.95" in floor.rule


def test_films_are_chosen_so_that_labels_have_both_values() -> None:
    rng = np.random.default_rng(0)
    labels = (rng.random((400, 14)) < np.linspace(0.005, 0.3, 14)).astype(np.int8)
    labels[rng.random(labels.shape) < 0.1] = -1
    rows = choose_covering(labels, 16)
    assert len(set(rows.tolist())) == 16
    can = (labels == 1).any(axis=0) & (labels == 0).any(axis=0)
    has = (labels[rows] == 1).any(axis=0) & (labels[rows] == 0).any(axis=0)
    assert can.sum() == 14
    assert (has == can).all()
    by_chance = labels[rng.permutation(400)[:16]]
    assert not ((by_chance == 1).any(axis=0) == can).all(), "the choice is what does it"


def test_all_films_are_chosen_where_there_are_no_more() -> None:
    assert choose_covering(LABELS, 9).tolist() == [0, 1, 2, 3, 4]
