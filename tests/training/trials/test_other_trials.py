"""What is tried before a run, but for learning by heart: rates, the loader, augmented views."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from xlite.errors import CheckFailedError, InputError
from xlite.loading.transforms import Augmentation
from xlite.settings import LossSettings, Runtime, SamplerSettings, TrainSettings
from xlite.training.data import StudyData
from xlite.training.trials import loader_profile, rate_range
from xlite.training.trials.augmented_views import view_films
from xlite.training.trials.loader_profile import profile_run
from xlite.training.trials.rate_range import find_rate, has_diverged, suggest_rate
from xlite.workflows.loaded_data import load_split_data

CPU = Runtime(device="cpu", num_workers=0)
SETTINGS = TrainSettings(
    model="test_resnet",
    initial_weights="none",
    image_size=32,
    batch_size=16,
    seed=5,
    loss=LossSettings(name="bce"),
)


@pytest.fixture(scope="module")
def data(project: Any) -> StudyData:
    return load_split_data(project.split, None, project.cache, None)


def test_a_rate_lies_on_the_way_down() -> None:
    rates = np.geomspace(1e-7, 1.0, 100)
    # Flat, then down from 1e-4 to 1e-2, then up: a range test without noise.
    place = np.log10(rates)
    losses = 0.7 - 0.3 * np.clip((place + 4) / 2, 0, 1) + 2 * np.clip(place + 1.5, 0, None)
    found = suggest_rate(rates.tolist(), losses.tolist())
    assert found is not None
    assert 10**-3.3 < found < 10**-2.7
    assert suggest_rate(rates.tolist(), [0.7] * 100) is None


def test_a_loss_that_rises_to_a_multiple_has_diverged() -> None:
    assert has_diverged([1.0] * 20 + [5.0] * 7)
    assert not has_diverged([1.0] * 20 + [5.0] * 3)


def test_rates_are_tried_deterministically_on_steps_of_training(
    data: StudyData, monkeypatch: pytest.MonkeyPatch
) -> None:
    factors: list[float] = []
    original = rate_range.take_step

    def take_step(run: Any, batch: Any, *, lr_factor: float) -> float:
        loss = original(run, batch, lr_factor=lr_factor)
        factors.append(run.stepper._bare_optimizer.param_groups[0]["lr"])
        return loss

    monkeypatch.setattr(rate_range, "take_step", take_step)
    settings = SETTINGS.model_copy(update={"freeze_epochs": 3})
    one, two = (find_rate(settings, data, CPU, steps=20) for _ in range(2))
    assert replace(one, seconds=0) == replace(two, seconds=0)
    assert one.rates[0] == 1e-7
    assert np.allclose(np.diff(np.log(one.rates)), math.log(1e7) / 19)
    assert np.allclose(factors[: len(one.rates)], one.rates), "the optimizer had these rates"
    assert len(one.losses) == len(one.smoothed) == len(one.rates)


def test_a_loss_that_overflows_ends_the_range(
    data: StudyData, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = rate_range.take_step

    def take_step(run: Any, batch: Any, *, lr_factor: float) -> float:
        if run.state.step == 5:
            raise CheckFailedError("the loss is nan")
        return original(run, batch, lr_factor=lr_factor)

    monkeypatch.setattr(rate_range, "take_step", take_step)
    found = find_rate(SETTINGS, data, CPU, steps=20)
    assert len(found.rates) == 5
    assert found.diverged_at == pytest.approx(found.rates[-1] * 1e7 ** (1 / 19))


@pytest.mark.parametrize(
    ("slow", "binds", "advice"),
    [("loading", "loading", "--workers"), ("computing", "computing", "more --workers change")],
)
def test_what_is_slow_is_said_to_bind(
    data: StudyData, monkeypatch: pytest.MonkeyPatch, slow: str, binds: str, advice: str
) -> None:
    clock = [0.0]
    told = SimpleNamespace(perf_counter=lambda: clock[0], monotonic=time.monotonic)
    monkeypatch.setattr(loader_profile, "time", told)
    batches, step = loader_profile.draw_batches, loader_profile.take_step

    def draw(run: Any) -> Any:
        for batch in batches(run):
            clock[0] += 2.0 if slow == "loading" else 0.1
            yield batch

    def take_step(*args: Any, **more: Any) -> float:
        clock[0] += 2.0 if slow == "computing" else 0.1
        return step(*args, **more)

    monkeypatch.setattr(loader_profile, "draw_batches", draw)
    monkeypatch.setattr(loader_profile, "take_step", take_step)
    found = profile_run(SETTINGS, data, CPU, seconds=12)
    assert found.binds == binds
    assert any(advice in one for one in found.advice)
    rates = {"loading": found.loading, "computing": found.computing}
    assert rates.pop(slow) == pytest.approx(8, rel=0.1)
    assert rates.popitem()[1] == pytest.approx(160, rel=0.1)
    assert found.together == pytest.approx(16 / 2.1, rel=0.1)


def test_views_are_what_training_sees(data: StudyData) -> None:
    settings = SETTINGS.model_copy(update={"augment": "strong", "horizontal_flip": True})
    films = view_films(settings, data, num_films=3, num_views=2)
    assert len(films) == 3
    part = data.parts["train"]
    augment = Augmentation("strong", seed=5, horizontal_flip=True)
    for film in films:
        row = int(np.flatnonzero(part.image_ids == film.image_id)[0])
        assert film.labels == tuple(np.array(part.vocabulary)[part.labels[row] == 1])
        for view in film.views:
            assert view.position is not None
            assert view.pixels is not None
            expected = augment(film.original, epoch=view.epoch, position=view.position)
            assert (view.pixels == expected).all()
            assert (view.pixels != film.original).any()


def test_a_film_that_an_epoch_does_not_draw_has_no_view(data: StudyData) -> None:
    settings = SETTINGS.model_copy(update={"sampler": SamplerSettings(name="max-entropy")})
    films = view_films(settings, data, num_films=20, num_views=3)
    absent = [view for film in films for view in film.views if view.position is None]
    assert absent
    assert all(view.pixels is None for view in absent)
    assert all(film.views[0].position is not None for film in films)


def test_several_devices_are_refused(data: StudyData) -> None:
    with pytest.raises(InputError, match="one device"):
        find_rate(SETTINGS, data, Runtime(device="cpu", devices=2))
