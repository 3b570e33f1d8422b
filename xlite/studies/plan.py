"""Plans: which runs a command is made of. Pure: nothing is read, written or trained here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

from xlite.config import LossName, TrainSettings
from xlite.errors import InputError
from xlite.models.catalogue import parse_model_name
from xlite.models.pretrained import check_timm_name


@dataclass(frozen=True)
class PlannedRun:
    """One run of a plan under the name that tables and progress show."""

    name: str
    settings: TrainSettings


def plan_models(
    base: TrainSettings, models: Sequence[str], *, seeds: Sequence[int] = ()
) -> list[PlannedRun]:
    """One run a model and seed, all else equal; models in turn, each with all of its seeds.

    Without `seeds` it is the seed of `base`. A run is named after its model, and after its seed
    where there are several: `model:s0`. Raises InputError for an unknown or repeated model or
    seed.
    """
    _require_distinct("--models", models)
    for model in models:
        check_timm_name(parse_model_name(model).timm_name)
    used = list(seeds) or [base.seed]
    _require_distinct("--seeds", [str(seed) for seed in used])
    return [
        PlannedRun(
            model if len(used) == 1 else f"{model}:s{seed}",
            base.model_copy(update={"model": model, "seed": seed}),
        )
        for model in models
        for seed in used
    ]


def plan_losses(base: TrainSettings, losses: Sequence[str]) -> list[PlannedRun]:
    """One run a loss with the same data, order and initialisation; the first is the baseline."""
    _require_distinct("--losses", losses)
    if len(losses) < 2:
        raise InputError("an ablation compares at least two losses. Pass --losses bce,focal.")
    check_timm_name(parse_model_name(base.model).timm_name)
    known = get_args(LossName)
    for loss in losses:
        if loss not in known:
            raise InputError(f"unknown loss {loss!r} in --losses. Use: {', '.join(known)}.")
    return [
        PlannedRun(
            f"{base.model}:{loss}",
            base.model_copy(update={"loss": base.loss.model_copy(update={"name": loss})}),
        )
        for loss in losses
    ]


def _require_distinct(option: str, names: Sequence[str]) -> None:
    if not names:
        raise InputError(f"{option} is empty. Name at least one, separated by commas.")
    repeated = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    if repeated:
        raise InputError(f"{option} names {', '.join(repeated)} more than once.")
