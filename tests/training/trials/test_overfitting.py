from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from xlite.errors import InputError
from xlite.loading.loader import RadiographDataset
from xlite.models.classifier import Classifier
from xlite.settings import LossSettings, Runtime, TrainSettings
from xlite.training import open_run, step
from xlite.training.data import StudyData
from xlite.training.trials.overfitting import overfit_films
from xlite.workflows.loaded_data import load_split_data

CPU = Runtime(device="cpu", num_workers=0)


@pytest.fixture(scope="module")
def data(project: Any) -> StudyData:
    return load_split_data(project.split, None, project.cache, None)


def settings(loss: str = "bce", model: str = "test_resnet", **more: Any) -> TrainSettings:
    # What is in the way of learning by heart is there for the check to take away.
    return TrainSettings(
        model=model,
        initial_weights="none",
        lr=3e-3,
        weight_decay=0.5,
        dropout=0.5,
        augment="strong",
        freeze_epochs=100,
        ema_decay=0.99,
        loss=LossSettings(name=loss, label_smoothing=0.1 if loss == "bce" else 0.0),  # type: ignore[arg-type]
        **more,
    )


def learn(data: StudyData, chosen: TrainSettings | None = None, num_images: int = 8) -> Any:
    return overfit_films(chosen or settings(), data, CPU, num_images=num_images)


@pytest.fixture(scope="module")
def sound(data: StudyData) -> Any:
    return learn(data)


@pytest.mark.parametrize(
    ("loss", "model"), [("combined", "test_resnet+mhsa"), ("two-way", "test_resnet")]
)
def test_a_sound_model_learns_films_by_heart(data: StudyData, loss: str, model: str) -> None:
    before = torch.random.get_rng_state()
    check = learn(data, settings(loss, model))
    assert check.is_passed, check.findings
    assert check.auroc == check.auroc_by_id == 1.0
    assert check.loss < check.floor
    assert len(check.image_ids) == 8
    assert len(check.judged) > 8, "films were chosen for their labels"
    assert check.steps < 200
    assert torch.equal(torch.random.get_rng_state(), before), "global generators stay as they were"


def test_it_is_deterministic(data: StudyData, sound: Any) -> None:
    assert sound.is_passed
    assert replace(learn(data), seconds=0) == replace(sound, seconds=0)


def freeze_the_head(monkeypatch: pytest.MonkeyPatch) -> None:
    original = step.freeze_layers

    def freeze(model: Classifier, *rest: Any) -> None:
        original(model, *rest)
        model.head.requires_grad_(False)

    monkeypatch.setattr(step, "freeze_layers", freeze)


def change_batches(monkeypatch: pytest.MonkeyPatch, change: Any) -> None:
    original = RadiographDataset.make_batch

    def make_batch(self: RadiographDataset, keys: Any) -> Any:
        return change(original(self, keys))

    monkeypatch.setattr(RadiographDataset, "make_batch", make_batch)


def shift_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    change_batches(monkeypatch, lambda b: replace(b, targets=b.targets.roll(1, dims=0)))


def shift_shuffled_images(monkeypatch: pytest.MonkeyPatch) -> None:
    """In training alone: labels are those of their rows, and images are not."""

    def change(batch: Any) -> Any:
        if (batch.index.diff() > 0).all():
            return batch
        of_row = batch.index.argsort()
        return replace(batch, images=batch.images[of_row[(batch.index + 1) % len(of_row)]])

    change_batches(monkeypatch, change)


def stop_the_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_run, "lr_factor", lambda *_, **__: 0.0)


def blacken(monkeypatch: pytest.MonkeyPatch) -> None:
    change_batches(monkeypatch, lambda b: replace(b, images=b.images * 0))


def blind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Classifier, "normalise", lambda _, x: x.float().expand(-1, 3, -1, -1) * 0)


@pytest.mark.parametrize(
    ("plant", "told"),
    [
        (freeze_the_head, "these have not moved at all: head.0, head.3"),
        (shift_labels, "films come with other labels than the table has for them"),
        (shift_shuffled_images, "asked by id it is wrong on"),
        (stop_the_rate, "no weight has moved"),
        (blacken, "7 of 8 films are the pixels of another one"),
        (blind, "the model says the same of all films"),
    ],
)
def test_a_planted_fault_is_found_and_named(
    data: StudyData, monkeypatch: pytest.MonkeyPatch, plant: Any, told: str
) -> None:
    plant(monkeypatch)
    check = learn(data)
    assert not check.is_passed
    assert any(told in finding.fault for finding in check.findings), check.findings


def test_labels_that_left_their_films_after_reading_are_found(data: StudyData) -> None:
    train = data.parts["train"]
    shifted = replace(train, labels=np.roll(train.labels, 1, axis=0))
    check = learn(replace(data, parts={**data.parts, "train": shifted}))
    assert "other labels than the table has" in check.findings[0].fault


def test_a_rate_that_is_too_small_is_said_to_be(data: StudyData) -> None:
    check = overfit_films(
        settings().model_copy(update={"lr": 1e-5}), data, CPU, num_images=8, max_steps=24
    )
    assert not check.is_passed
    assert check.is_pushed
    assert any("not learnt by heart in 24 steps" in one.fault for one in check.findings)


def test_a_loss_that_is_no_longer_finite_is_found(
    data: StudyData, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = Classifier.forward
    monkeypatch.setattr(Classifier, "forward", lambda self, x: original(self, x) * float("inf"))
    (finding,) = learn(data).findings
    assert "no longer finite after 0 steps" in finding.fault


def test_films_without_a_label_to_judge_are_refused(data: StudyData) -> None:
    train = data.parts["train"]
    same = train.select(np.flatnonzero((train.labels == train.labels[0]).all(axis=1))[:1])
    with pytest.raises(InputError, match="no label is both present and absent"):
        learn(replace(data, parts={**data.parts, "train": same}))
