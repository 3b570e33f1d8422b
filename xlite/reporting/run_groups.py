"""The order of runs, and which of them differ in the seed alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from xlite.run_folder.folder import RunFolder
from xlite.settings import TrainSettings, fingerprint_of


def rank_runs(runs: Sequence[RunFolder]) -> list[RunFolder]:
    """The runs with the best validation AUROC first, unfinished ones last."""
    return sorted(runs, key=lambda run: (-_score(run), run.name))


def group_alike(runs: Sequence[RunFolder]) -> list[list[RunFolder]]:
    """The runs by what they share: all settings but the seed, the split and the pixels; the group
    with the best mean validation AUROC first, within a group the best run.
    """
    groups: dict[str, list[RunFolder]] = {}
    for run in rank_runs(runs):
        settings = run.settings.model_copy(update={"seed": 0})
        data = run.config.data
        key = fingerprint_of([TrainSettings.fingerprint(settings), data.split_sha256, data.source])
        groups.setdefault(key, []).append(run)
    return sorted(groups.values(), key=mean_score, reverse=True)


def mean_score(runs: Sequence[RunFolder]) -> float:
    """The mean validation AUROC; of a run without one -1 counts."""
    return float(np.mean([_score(run) for run in runs]))


def name_settings(settings: TrainSettings) -> str:
    """What tells settings from most others, without the seed.

    >>> name_settings(TrainSettings(model="resnet18"))
    'resnet18, loss pos-weight'
    """
    sampler = settings.sampler.name
    drawn = "" if sampler == "none" else f", sampler {sampler}"
    return f"{settings.model}, loss {settings.loss.name}{drawn}"


def _score(run: RunFolder) -> float:
    return float(np.nan_to_num(run.val_auroc, nan=-1))
