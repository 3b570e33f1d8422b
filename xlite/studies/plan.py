"""Plans: which runs a command is made of. Pure: nothing is read, written or trained here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from xlite.errors import InputError
from xlite.models.catalogue import parse_model_name, require_listed
from xlite.settings import TrainSettings


@dataclass(frozen=True)
class PlannedRun:
    """One run of a plan under the name that tables and progress show."""

    name: str
    settings: TrainSettings
    has_fixed_budget: bool = False
    """Whether the number of epochs is what is varied, and so part of what the run is."""
    fold: int | None = None
    """The number of the fold that it is trained without and tested on; None without folds."""


def plan_models(
    base: TrainSettings, models: Sequence[str], *, seeds: Sequence[int] = ()
) -> list[PlannedRun]:
    """One run a model and seed, all else equal; models in turn, each with all of its seeds.

    Without `seeds` it is the seed of `base`. A run is named after its model, and after its seed
    where there are several: `model:s0`. Raises InputError for an unknown or repeated model or
    seed.
    """
    require_distinct("--models", models)
    require_known_models(models)
    used = list(seeds) or [base.seed]
    require_distinct("--seeds", [str(seed) for seed in used])
    return [
        PlannedRun(
            name_run(model, seed, num_seeds=len(used)),
            base.model_copy(update={"model": model, "seed": seed}),
        )
        for model in models
        for seed in used
    ]


def plan_folds(plan: Sequence[PlannedRun], folds: Sequence[int | None]) -> list[PlannedRun]:
    """Each run of a plan once a fold, the folds of one after the other, named `NAME:f0`.

    folds: None alone where there are none, and the plan stays as it is.

    >>> settings = TrainSettings(model="resnet18")
    >>> [run.name for run in plan_folds([PlannedRun("resnet18:s0", settings)], [0, 1])]
    ['resnet18:s0:f0', 'resnet18:s0:f1']
    """
    return [
        run if fold is None else replace(run, name=name_fold(run.name, fold), fold=fold)
        for run in plan
        for fold in folds
    ]


def require_known_models(models: Sequence[str]) -> None:
    """Raise InputError for a model or weights that timm does not have, most of them at once."""
    for model in models:
        require_listed(model)
    # Imported after that: it takes seconds.
    from xlite.models.pretrained import check_timm_name

    for model in models:
        check_timm_name(parse_model_name(model).timm_name)


def name_run(stem: str, seed: int, *, num_seeds: int) -> str:
    """What a run is called: its seed is part of the name where there are several.

    >>> name_run("resnet18:loss=focal", 0, num_seeds=3)
    'resnet18:loss=focal:s0'
    """
    return stem if num_seeds == 1 else f"{stem}:s{seed}"


def name_fold(name: str, fold: int) -> str:
    """What a run of that name is called on one of several folds."""
    return f"{name}:f{fold}"


def require_distinct(option: str, names: Sequence[str]) -> None:
    """Raise InputError when an option names nothing, or something twice."""
    if not names:
        raise InputError(f"{option} is empty. Name at least one, separated by commas.")
    repeated = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    if repeated:
        raise InputError(f"{option} names {', '.join(repeated)} more than once.")
