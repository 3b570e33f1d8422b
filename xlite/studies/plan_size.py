"""How much work a plan is: runs and epochs, at least and at most, over all ways through it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from xlite.settings.by_name import NONE
from xlite.studies.plan_paths import list_paths
from xlite.studies.plan_phases import list_ends
from xlite.studies.study_plan import Distribution, Phase, StudyPlan


@dataclass(frozen=True)
class Load:
    """The runs of an experiment or a phase that train one of some models."""

    models: tuple[str, ...]
    num_runs: int
    epochs: float
    """Of all of these runs, where none stops early."""


def list_loads(
    plan: StudyPlan, folds: Mapping[Path, int], *, has_all_seeds: bool = True
) -> dict[str, Load]:
    """The runs of each experiment and phase by its id; folds: their number by the split.

    has_all_seeds: whether variants that get seeds until they are decided get all, or the first.
    """
    loads = {}
    for one in plan.experiments:
        seeds = one.seeds
        if has_all_seeds and plan.growth is not None and one.id in plan.growth.variants:
            seeds = plan.growth.seeds
        count = len(seeds) * folds.get(one.split or plan.split, 1)
        loads[one.id] = Load((one.settings.model,), count, count * one.settings.epochs)
    phases = {phase.id: phase for phase in plan.phases}
    for phase in plan.phases:
        each = len(phase.seeds) * folds.get(phase.split or plan.split, 1)
        trials = count_trials(phase, phases)
        source = _source_of(phase, phases)
        loads[phase.id] = Load(
            _models_of(phase, phases), trials * each, each * _count_epochs(phase, trials, source)
        )
    return loads


def find_extremes(
    plan: StudyPlan, loads: Mapping[str, Load]
) -> tuple[frozenset[str], frozenset[str]]:
    """What begins on the way through the plan with the fewest epochs, and on that with the most."""

    def epochs(begun: frozenset[str]) -> float:
        return sum(loads[name].epochs for name in begun if name in loads)

    begun = [path.begun for path in list_paths(plan)]
    return min(begun, key=epochs), max(begun, key=epochs)


def count_trials(phase: Phase, phases: Mapping[str, Phase]) -> int:
    """The most trials of a phase."""
    before = phases.get(phase.previous or "")
    kept = before.keep.best if before and before.keep else 1
    if phase.method == "confirm":
        return kept
    if phase.method == "grid":
        points = math.prod(_count_points(one) for one in phase.space.values())
        points *= kept if before else 1
        return min(phase.runs, points) if phase.runs else points
    return phase.runs


def _count_points(one: Distribution) -> int:
    if one.kind == "int":
        return int(one.high - one.low) // one.step + 1
    return len(one.values)


def _source_of(phase: Phase, phases: Mapping[str, Phase]) -> Phase:
    """The phase itself, or for one that confirms the search whose trials it trains."""
    while phase.method == "confirm" and phase.previous is not None:
        phase = phases[phase.previous]
    return phase


def _models_of(phase: Phase, phases: Mapping[str, Phase]) -> tuple[str, ...]:
    """The models that its trials may have; those of the phase before where that one kept them."""
    if "model" in phase.space:
        return tuple(map(str, phase.space["model"].values))
    if phase.previous is not None and (found := _models_of(phases[phase.previous], phases)):
        return found
    return (phase.settings.model,) if phase.settings.model else ()


def _count_epochs(phase: Phase, trials: int, source: Phase) -> float:
    """The epochs of all trials of one seed: with rungs, of each a share goes on."""
    epochs = float(source.settings.epochs)
    if "epochs" in source.space:
        epochs = max(float(value) for value in list_ends(source.space["epochs"]) if value != NONE)
    if phase.rungs is None:
        return trials * epochs
    total, before, left = 0.0, 0.0, float(trials)
    for level in _levels(phase.rungs.first, phase.rungs.factor, epochs):
        total += left * (level - before)
        before, left = level, max(1.0, left / phase.rungs.factor)
    return total


def _levels(first: int, factor: int, epochs: float) -> Iterator[float]:
    level = float(first)
    while level < epochs:
        yield level
        level *= factor
    yield epochs
