"""How many seeds the variants of a plan have by now that gets them until they are decided."""

from __future__ import annotations

from xlite.studies.study_plan import Experiment, GrowingSeeds, StudyPlan
from xlite.studies.study_state import StudyState


def look_subject(count: int) -> str:
    """The subject of the decision on the look at so many seeds."""
    return f"seeds:{count}"


def list_seeds(plan: StudyPlan, state: StudyState, experiment: Experiment) -> tuple[int, ...]:
    """The seeds that an experiment has by now: its own, or those until its last look so far."""
    growth = plan.growth
    if growth is None or experiment.id not in growth.variants:
        return experiment.seeds
    return growth.seeds[: count_seeds(growth, state, experiment.id)]


def count_seeds(growth: GrowingSeeds, state: StudyState, variant: str) -> int:
    """How many seeds a variant has; the baseline has as many as any."""
    count = growth.first
    while _goes_on(growth, state, variant, count):
        count += 1
    return count


def is_growing(plan: StudyPlan, state: StudyState, experiment: str) -> bool:
    """Whether an experiment may get further seeds: the look at those it has is not decided."""
    growth = plan.growth
    if growth is None or experiment not in growth.variants:
        return False
    return look_subject(count_seeds(growth, state, experiment)) not in state.decisions


def describe_ending(plan: StudyPlan, state: StudyState, experiment: str) -> str:
    """How it was decided or why it was given up, as `EQUIVALENT (decided)`; nothing before."""
    growth = plan.growth
    if growth is None or experiment not in growth.variants[1:]:
        return ""
    count = count_seeds(growth, state, experiment)
    decision = state.decisions.get(look_subject(count))
    if decision is None:
        return ""
    return f"{decision.choice['ended'].get(experiment, '')} with {count} seeds"


def _goes_on(growth: GrowingSeeds, state: StudyState, variant: str, count: int) -> bool:
    decision = state.decisions.get(look_subject(count))
    if decision is None or decision.choice["seed"] is None:
        return False
    return variant == growth.variants[0] or variant in decision.choice["open"]
