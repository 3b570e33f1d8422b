"""The learning rate as a function of where training stands."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from xlite.settings import TrainSettings
from xlite.training.state import TrainState


def lr_factor(settings: TrainSettings, *, step: int, steps_per_epoch: int, cuts: int) -> float:
    """What the learning rates are multiplied with in a step of the run, from 0: in [0, 1].

    Warm-up rises linearly to 1 over its steps; then cosine falls to `min_lr_factor` at the end
    (Loshchilov and Hutter 2017, arXiv:1608.03983, without restarts), plateau has been cut `cuts`
    times and stays above `min_lr_factor`, and constant is 1.

    >>> settings = TrainSettings(model="resnet18", schedule="cosine", warmup_epochs=1, epochs=3)
    >>> [lr_factor(settings, step=s, steps_per_epoch=1, cuts=0) for s in range(3)]
    [0.5, 1.0, 0.5]
    """
    warmup_steps = round(settings.warmup_epochs * steps_per_epoch)
    if step < warmup_steps:
        return (step + 1) / (warmup_steps + 1)
    lowest = settings.min_lr_factor
    match settings.schedule:
        case "cosine":
            remaining = max(settings.epochs * steps_per_epoch - warmup_steps, 1)
            done = min((step - warmup_steps) / remaining, 1.0)
            return lowest + (1 - lowest) * (1 + math.cos(math.pi * done)) / 2
        case "plateau":
            return max(settings.plateau_factor**cuts, lowest)
        case "constant":
            return 1.0


def record_score(settings: TrainSettings, state: TrainState, score: float) -> bool:
    """Note the monitored score of the epoch just validated; returns whether it is the best.

    A gain is a change by more than `min_delta` in the right direction; an undefined score (NaN)
    is none, but for that of the first epoch. The learning rate is cut after more than
    `plateau_patience` epochs without a gain, as in torch's ReduceLROnPlateau.
    """
    gain = score - state.best_score
    if settings.monitor == "loss":
        gain = -gain
    is_first = state.best_epoch < 0 or (math.isnan(state.best_score) and not math.isnan(score))
    if is_first or gain > settings.min_delta:
        state.best_score, state.best_epoch = score, state.epoch
        state.epochs_without_gain = state.plateau_epochs = 0
        return True
    state.epochs_without_gain += 1
    state.plateau_epochs += 1
    if state.plateau_epochs > settings.plateau_patience:
        state.plateau_cuts += 1
        state.plateau_epochs = 0
    return False


def record_epoch(settings: TrainSettings, state: TrainState, row: Mapping[str, float]) -> bool:
    """Note the epoch just finished by its row of the history; returns whether it is the best.

    Without a validation part the last one is, and where nothing is to be picked by it.
    """
    score = row.get(f"val_{settings.monitor}")
    is_gain = score is not None and record_score(settings, state, score)
    if score is not None and settings.select == "best":
        return is_gain
    state.best_epoch = state.epoch
    return True


def find_best_epoch(settings: TrainSettings, history: Sequence[Mapping[str, float]]) -> int:
    """The epoch, from 0, whose weights a run keeps that has this history; -1 for an empty one."""
    state = TrainState()
    for row in history:
        record_epoch(settings, state, row)
        state.epoch += 1
    return state.best_epoch
