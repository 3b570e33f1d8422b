"""The plan of a queue as a file says what the command meant."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from xlite.settings import LossSettings, Runtime, SamplerSettings, TrainSettings
from xlite.studies.plan import PlannedRun
from xlite.studies.plan_file import parse_plan
from xlite.studies.training_queue import QueuePlaces, plan_queue, render_queue


def test_the_text_of_a_queue_is_read_as_the_same_plan() -> None:
    plain = TrainSettings(model="resnet18", seed=0, initial_weights="none", lr=3e-4, epochs=2)
    other = TrainSettings(
        model="resnet18+mhsa",
        seed=1,
        loss=LossSettings(name="focal"),
        sampler=SamplerSettings(name="max-entropy"),
        ema_decay=0.9,
        image_size=96,
    )
    runs = [PlannedRun("resnet18:s0", plain), PlannedRun("r/a:b", other, has_fixed_budget=True)]
    places = QueuePlaces(split=Path('data/s"plits'), out=Path("experiments"))
    plan = plan_queue(runs, "ab12cd34", places, Runtime(pause_seconds=3.0))
    read = parse_plan(render_queue(plan), None, where="queue.toml")
    # The seeds are beside the settings.
    seedless = [
        replace(one, settings=one.settings.model_copy(update={"seed": 42}))
        for one in plan.experiments
    ]
    assert read == replace(plan, experiments=tuple(seedless))
