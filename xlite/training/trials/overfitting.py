"""`--overfit`: whether a model can learn a few films by heart, and what is broken if it can't.

What can't fit 16 films has no gradient, no information or no truth to learn from. So all that
holds against learning by heart is off, and the rest is what a run is made of: its images, labels,
loss, layers, rates and precision. N films, C labels.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from xlite import console
from xlite.errors import CheckFailedError, InputError
from xlite.results.trials import OverfitCheck
from xlite.scores.ranking import auroc
from xlite.settings import INSEPARABLE, PolicySettings, SamplerSettings, TrainSettings
from xlite.splitting.split_folder import read_split
from xlite.tables.training_part import apply_policy
from xlite.training.predict import predict_logits
from xlite.training.trials.batch_statistics import settle_statistics
from xlite.training.trials.covering_films import choose_covering
from xlite.training.trials.overfit_findings import Lesson, Recital, find_faults
from xlite.training.trials.smoothing_floor import find_floor
from xlite.training.trials.trial_run import open_trial, take_step

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xlite.settings import Runtime
    from xlite.tables.manifest import Manifest
    from xlite.training.data import StudyData
    from xlite.training.open_run import OpenRun

MAX_STEPS = 300
_FAULTLESS_STEPS = 20
"""After so many steps what has not moved never will; fp16 skips some of its first ones."""
_STEPS_BETWEEN_RECITALS = 20
_MOST_RECITALS = 3
"""What is known in training and wrong by id three times over is another film's."""
_PUSH = 10.0
"""What the learning rate is multiplied with for the second half of the steps: 1e-4 is right for
many epochs, and takes a network without pretraining some thousand steps for 16 films."""

_NO_RESISTANCE: dict[str, Any] = {
    "augment": "none",
    "horizontal_flip": False,
    "dropout": 0.0,
    "weight_decay": 0.0,
    "ema_decay": 0.0,
    "freeze_epochs": 0,
    "unfreeze_epochs": 0,
    "probe_epochs": 0,
    "batch_norm": "train",
    "drop_path": None,
    "drop_rate": None,
    "mixup": 0.0,
    "cutmix": 0.0,
    "redraw_features": 0,
    "schedule": "constant",
    "warmup_epochs": 0.0,
    "policy": PolicySettings(),
    "sampler": SamplerSettings(name="none"),
}
_NO_RESISTANCE_OF_LOSS: dict[str, Any] = {"label_smoothing": 0.0, "label_weighting": "none"}
"""What is off: whatever holds against learning by heart, or shows films unevenly. The policy has
been applied by then."""


def overfit_films(
    settings: TrainSettings,
    data: StudyData,
    runtime: Runtime,
    *,
    num_images: int,
    max_steps: int = MAX_STEPS,
) -> OverfitCheck:
    """Whether a model learns `num_images` films of the training part by heart.

    It has to within `max_steps` steps on all of them: AUROC 1 for every label that is present and
    absent among them, in training and when each film is predicted by its id and held against the
    table; a loss under `find_floor`; and every part of the model has to have moved. Weights are
    thrown away and nothing is written. Raises InputError where no label can be judged.
    """
    begun = time.monotonic()
    read = data.read_by(settings)
    part = read.parts["train"]
    films = part.select(choose_covering(part.labels, num_images))
    plain = _take_resistance_away(settings, len(films))
    judged = ~np.isnan(auroc(films.labels, np.zeros(films.labels.shape)))
    if not judged.any():
        raise InputError(
            f"no label is both present and absent among {len(films)} films. Pass more of them to "
            "--overfit."
        )
    study = replace(read, parts={"train": films}, train_targets=None)
    with console.hushed():
        floor = find_floor(
            plain.loss, films.labels, films.vocabulary, settings.loss.label_smoothing
        )
    with open_trial(plain, study, runtime) as run:
        lesson = Lesson.begin(run.stepper, judged)
        recital = _learn(
            run, lesson, _Goal(floor.value, max_steps, _read_again(data, settings, films))
        )
    return OverfitCheck(
        model=settings.model,
        loss_name=settings.loss.name,
        image_ids=tuple(str(one) for one in films.image_ids),
        judged=tuple(np.array(films.vocabulary)[judged].tolist()),
        steps=lesson.num_steps,
        max_steps=max_steps,
        is_pushed=lesson.num_steps > max_steps // 2,
        loss=lesson.loss,
        floor=floor.value,
        floor_rule=floor.rule,
        auroc=lesson.lowest_auroc,
        auroc_by_id=float("nan") if recital is None else recital.lowest_auroc,
        seconds=round(time.monotonic() - begun, 1),
        findings=tuple(find_faults(lesson, recital, films, floor.value)),
    )


@dataclass(frozen=True)
class _Goal:
    floor: float
    max_steps: int
    truth: NDArray[np.int8]
    """(N, C) the films' labels as the table on disk has them."""


def _learn(run: OpenRun, lesson: Lesson, goal: _Goal) -> Recital | None:
    """Take steps until the films are known or can't be; what was said of them by id, if asked."""
    films = run.data.parts["train"]
    recitals: list[Recital] = []
    due_at = 0
    with console.progress_bar(goal.max_steps, f"overfitting {run.title}", "step") as bar:
        for step in range(goal.max_steps):
            run.sampler.set_epoch(step)
            (batch,) = run.train_loader
            lesson.see(batch, films, goal.truth)
            push = _PUSH if step >= goal.max_steps // 2 else 1.0
            try:
                loss = take_step(run, batch, lr_factor=push * run.lr_factor(0))
            except CheckFailedError:
                lesson.is_finite = False
                return None
            lesson.note(loss, run.state.tally)
            bar.set_postfix_str(f"loss {loss:.4f}, lowest AUROC {lesson.lowest_auroc:.3f}")
            bar.update()
            if step + 1 == _FAULTLESS_STEPS and lesson.is_hopeless:
                return None
            if lesson.loss < goal.floor and lesson.lowest_auroc == 1.0 and step >= due_at:
                recitals.append(_recite(run, lesson, goal.truth))
                due_at = step + _STEPS_BETWEEN_RECITALS
                if recitals[-1].is_right or len(recitals) == _MOST_RECITALS:
                    return recitals[-1]
    return _recite(run, lesson, goal.truth)


@torch.no_grad()
def _recite(run: OpenRun, lesson: Lesson, truth: NDArray[np.int8]) -> Recital:
    """What the model says of each film when it is asked as any trained model is."""
    settle_statistics(run.stepper.model, run.train_loader, run.fabric)
    outputs = predict_logits(
        run.stepper.model,
        run.loaders.build_in_order("train"),
        fabric=run.fabric,
        description="asking by id",
    )
    assert outputs is not None, "nobody stops it"
    run.stepper.begin_epoch(run.state)
    return Recital(outputs.logits, truth, lesson.judged)


def _take_resistance_away(settings: TrainSettings, num_films: int) -> TrainSettings:
    """The settings of a run on a batch of all of the films, without what regularises it."""
    num_parts = max(settings.accumulate, -(-num_films // settings.batch_size))
    is_whole = settings.loss.name in INSEPARABLE
    return settings.model_copy(
        update={
            **_NO_RESISTANCE,
            "loss": settings.loss.model_copy(update=_NO_RESISTANCE_OF_LOSS),
            "batch_size": num_films,
            "accumulate": 1 if is_whole else min(num_parts, num_films),
        }
    )


def _read_again(data: StudyData, settings: TrainSettings, films: Manifest) -> NDArray[np.int8]:
    """The labels (N, C) of the films by their ids, from the split's file as it lies on disk."""
    split_dir = data.places.split_dir
    part = data.parts["train"] if split_dir is None else read_split(split_dir).parts["train"]
    read = apply_policy(part, settings.policy, seed=settings.seed).manifest
    row = {image_id: row for row, image_id in enumerate(read.image_ids)}
    columns = [read.vocabulary.index(label) for label in films.vocabulary]
    rows = [row[image_id] for image_id in films.image_ids]
    labels: NDArray[np.int8] = read.labels[np.ix_(rows, columns)]
    return labels
