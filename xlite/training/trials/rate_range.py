"""`--find-lr`: the loss while the learning rate rises from step to step.

The range test of Smith (2017, "Cyclical learning rates for training neural networks",
arXiv:1506.01186), with an exponential rise and the suggestion of fastai's finder.
"""

from __future__ import annotations

import copy
import math
import statistics
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

from xlite import console
from xlite.errors import CheckFailedError
from xlite.results.trials import RateRange
from xlite.training.trials.trial_run import draw_batches, open_trial, take_step

if TYPE_CHECKING:
    from xlite.loading.loader import Batch
    from xlite.models.classifier import Classifier
    from xlite.settings import Runtime, TrainSettings
    from xlite.training.data import StudyData
    from xlite.training.open_run import OpenRun

STEPS = 100
LOWEST, HIGHEST = 1e-7, 1.0
"""Adam's steps are about as large as the rate whatever the gradient, and 1 is the end of any
network; SGD's finders go to 10."""
_HALF_WINDOW = 7
"""Steps to either side that a loss is averaged with. A moving average of past losses, as in fastai
(0.98) and Lightning, lags behind: its descent lies a decade or more above that of the losses."""
_DIVERGED = 4.0
"""So many times the least loss is the end, as in fastai and Lightning."""
_LEAST_FALL = 4.0
"""Standard errors by which the loss has to fall: less comes up in a curve of noise."""
_FREE_STEPS = {"probe_epochs": 0, "freeze_epochs": 0, "unfreeze_epochs": 0, "ema_decay": 0.0}


def find_rate(
    settings: TrainSettings, data: StudyData, runtime: Runtime, *, steps: int = STEPS
) -> RateRange:
    """The loss over `steps` steps while `lr` rises exponentially from 1e-7 to 1, and a hint.

    The steps are those of a training run, on its batches, with the rates of head and attention in
    the same ratio to `lr` as in the settings; nothing is frozen. It ends when the smoothed loss is
    four times its least, or not finite. Weights are thrown away. The same settings and data give
    the same numbers.
    """
    begun = time.monotonic()
    plain = settings.model_copy(update=_FREE_STEPS)
    rates: list[float] = []
    losses: list[float] = []
    untrained: list[float] = []
    diverged_at = None
    with (
        open_trial(plain, data.read_by(settings), runtime) as run,
        console.progress_bar(steps, f"rates of {run.title}", "step") as bar,
    ):
        at_first = copy.deepcopy(run.stepper.model)
        for step, batch in zip(range(steps), draw_batches(run), strict=False):
            rate = LOWEST * (HIGHEST / LOWEST) ** (step / (steps - 1))
            untrained.append(_measure_loss(run, at_first, batch))
            try:
                loss = take_step(run, batch, lr_factor=rate / settings.lr)
            except CheckFailedError:
                if not losses:
                    raise
                diverged_at = rate
                break
            rates.append(rate)
            losses.append(loss)
            bar.update()
            if has_diverged(losses):
                diverged_at = rate
                break
    evened = _even_out(losses, untrained[: len(losses)])
    smoothed = smooth_losses(evened)
    return RateRange(
        model=settings.model,
        rates=tuple(rates),
        losses=tuple(evened),
        smoothed=tuple(smoothed),
        suggestion=suggest_rate(rates, evened),
        least_at=rates[smoothed.index(min(smoothed))],
        diverged_at=diverged_at,
        seconds=round(time.monotonic() - begun, 1),
    )


@torch.no_grad()
def _measure_loss(run: OpenRun, model: Classifier, batch: Batch) -> float:
    device = run.fabric.device
    with run.fabric.autocast():
        logits = model(batch.images.to(device))
    terms = run.stepper.loss.components(logits, batch.targets.to(device, torch.float32), epoch=0)
    return float(torch.stack(list(terms.values())).sum())


def _even_out(losses: Sequence[float], untrained: Sequence[float]) -> list[float]:
    """The losses, each corrected for how hard its batch is.

    That is what the untrained model makes of it, against its mean. The rarer labels are and the
    more a positive weighs, the more batches differ: with the default loss on NIH's films those of
    16 went from 1.07 to 1.60 at rates that change nothing.
    """
    usual = statistics.fmean(untrained)
    return [loss - easy + usual for loss, easy in zip(losses, untrained, strict=True)]


def smooth_losses(losses: Sequence[float]) -> list[float]:
    """Each loss averaged with as many to the one side as to the other, at most 7.

    >>> smooth_losses([1.0, 3.0, 2.0])
    [1.0, 2.0, 2.0]
    """
    found = []
    for place in range(len(losses)):
        half = min(_HALF_WINDOW, place, len(losses) - 1 - place)
        found.append(statistics.fmean(losses[place - half : place + half + 1]))
    return found


def has_diverged(losses: Sequence[float]) -> bool:
    """Whether the last few losses are four times as large as those of the best such stretch."""
    stretch = _HALF_WINDOW
    if len(losses) < 2 * stretch:
        return False
    means = [
        statistics.fmean(losses[start : start + stretch])
        for start in range(len(losses) - stretch + 1)
    ]
    return means[-1] > _DIVERGED * min(means)


def suggest_rate(rates: Sequence[float], losses: Sequence[float]) -> float | None:
    """The rate in the middle of the longest descent of the averaged losses.

    A descent is a longest falling subsequence, as in fastai's `valley`; the first steps, of which
    the averages are of a few losses only, are left out. None where there is none, or where the loss
    falls by less than four standard errors of such an average, those of the losses up to its end.

    >>> suggest_rate([10.0**n for n in range(-8, 3)], [9, 9, 9, 9, 9, 9, 9, 8, 7, 6, 9])
    0.01
    """
    smoothed = smooth_losses(losses)
    start = min(_HALF_WINDOW, len(losses) // 3)
    lengths, before = [1] * len(losses), list(range(len(losses)))
    for place in range(start, len(losses)):
        for earlier in range(start, place):
            is_lower = smoothed[earlier] > smoothed[place]
            if is_lower and lengths[earlier] + 1 >= lengths[place]:
                lengths[place], before[place] = lengths[earlier] + 1, earlier
    last = first = lengths.index(max(lengths))
    while before[first] != first:
        first = before[first]
    if last - first < 2:
        return None
    residuals = [losses[at] - smoothed[at] for at in range(start, last + 1)]
    least_fall = _LEAST_FALL * statistics.pstdev(residuals) / math.sqrt(2 * _HALF_WINDOW + 1)
    if smoothed[first] - smoothed[last] < least_fall:
        return None
    return rates[(first + last) // 2]
