from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from xlite.settings import TrainSettings
from xlite.training.schedule import lr_factor, record_score
from xlite.training.state import TrainState


def settings_of(**changes: Any) -> TrainSettings:
    return TrainSettings.parse(model="resnet18", **changes)


def make_optimizer() -> torch.optim.Optimizer:
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)


def test_cosine_is_torchs() -> None:
    optimizer = make_optimizer()
    reference = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=12, eta_min=0.1)
    settings = settings_of(schedule="cosine", epochs=4, min_lr_factor=0.1)
    for step in range(12):
        factor = lr_factor(settings, step=step, steps_per_epoch=3, cuts=0)
        assert factor == pytest.approx(optimizer.param_groups[0]["lr"], abs=1e-9)
        optimizer.step()
        reference.step()


@pytest.mark.parametrize("schedule", ["plateau", "cosine", "constant"])
def test_warm_up_rises_to_one_and_never_is_zero(schedule: str) -> None:
    settings = settings_of(schedule=schedule, warmup_epochs=1.5, epochs=4)
    factors = [lr_factor(settings, step=s, steps_per_epoch=4, cuts=0) for s in range(16)]
    assert factors[:6] == pytest.approx([n / 7 for n in range(1, 7)])
    assert factors[6] == 1.0
    assert min(factors) > 0


def test_the_plateau_stays_above_its_floor() -> None:
    settings = settings_of(plateau_factor=0.1, min_lr_factor=0.05)
    factors = [lr_factor(settings, step=9, steps_per_epoch=3, cuts=n) for n in range(3)]
    assert factors == pytest.approx([1.0, 0.1, 0.05])


@given(
    scores=st.lists(st.sampled_from([0.5, 0.55, 0.6, 0.61, 0.7]), min_size=1, max_size=40),
    patience=st.integers(0, 3),
)
def test_the_plateau_is_torchs(scores: list[float], patience: int) -> None:
    optimizer = make_optimizer()
    reference = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, mode="max", factor=0.5, patience=patience, threshold=0.0, threshold_mode="abs"
    )
    settings, state = settings_of(plateau_patience=patience), TrainState()
    for score in scores:
        record_score(settings, state, score)
        state.epoch += 1
        reference.step(score)
        factor = lr_factor(settings, step=0, steps_per_epoch=1, cuts=state.plateau_cuts)
        # torch does not follow a rate whose change is under 1e-8.
        assert factor == pytest.approx(optimizer.param_groups[0]["lr"], abs=2e-8)


def test_a_gain_has_to_exceed_min_delta() -> None:
    settings, state = settings_of(min_delta=0.01), TrainState()
    assert record_score(settings, state, 0.6)
    state.epoch = 1
    assert not record_score(settings, state, 0.605)
    assert (state.best_score, state.best_epoch, state.epochs_without_gain) == (0.6, 0, 1)
    assert record_score(settings, state, 0.62)
    assert (state.best_epoch, state.epochs_without_gain) == (1, 0)


def test_a_lower_loss_is_a_gain() -> None:
    settings, state = settings_of(monitor="loss"), TrainState()
    assert [record_score(settings, state, loss) for loss in (0.5, 0.6, 0.4)] == [True, False, True]


def test_an_undefined_score_is_best_only_while_there_is_no_other() -> None:
    settings, state = settings_of(), TrainState()
    assert record_score(settings, state, math.nan)
    assert not record_score(settings, state, math.nan)
    assert record_score(settings, state, 0.1)
    assert not record_score(settings, state, math.nan)
    assert state.best_score == 0.1
