"""The searches of a study: their trials, the best of them, and how far to believe it."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any, Literal

from xlite.results.study import NodeState, Search, SearchedSetting, StudyScore, Trial
from xlite.studies.ledger_entries import End
from xlite.studies.study_plan import Phase, StudyPlan
from xlite.studies.study_state import StudyState
from xlite.studies.summary.branches import is_over
from xlite.studies.summary.experiments import read_scores
from xlite.studies.summary.search_figures import rung_correlations, setting_importance
from xlite.studies.summary.trained_items import TrainedItem, finished_runs, last_ends


def list_searches(
    plan: StudyPlan,
    state: StudyState,
    trained: Mapping[str, Sequence[TrainedItem]],
    not_taken: frozenset[str],
) -> list[Search]:
    """The plan's phases in its order, each with its trials."""
    return [
        _describe(phase, state, trained, is_taken=phase.id not in not_taken)
        for phase in plan.phases
    ]


def _describe(
    phase: Phase,
    state: StudyState,
    trained: Mapping[str, Sequence[TrainedItem]],
    *,
    is_taken: bool,
) -> Search:
    trials = [
        _describe_trial(
            phase,
            number,
            choice,
            trained.get(f"{phase.id}/{number}", ()),
            state.end_of(f"judge:{phase.id}/{number}"),
        )
        for number, choice in sorted(_list_suggestions(phase, state).items())
    ]
    scored = [trial for trial in trials if _is_number(trial.score)]
    longest = max((trial.epochs for trial in scored), default=0)
    # A paused trial's score is of fewer epochs: it has lost to those that went on.
    ripe = [trial for trial in scored if trial.state == "finished"] or [
        trial for trial in scored if trial.epochs == longest
    ]
    kept = state.decisions.get(f"keep:{phase.id}")
    optimism = None if kept is None else kept.choice.get("optimism")
    # What was kept was ranked by judgements, where there were some.
    numbers = [] if kept is None else kept.choice.get("trials", [])
    best = max(ripe, key=lambda trial: trial.score or 0.0).number if ripe else None
    return Search(
        id=phase.id,
        method=phase.method,
        score=str(phase.score),
        state=_find_state(phase, trials, state, is_taken=is_taken),
        space=tuple(
            SearchedSetting(
                name=name,
                kind=drawn.kind,
                values=drawn.values,
                low=float(drawn.low),
                high=float(drawn.high),
            )
            for name, drawn in phase.space.items()
        ),
        trials=tuple(trials),
        best=numbers[0] if numbers else best,
        optimism=float(optimism) if isinstance(optimism, int | float) else None,
        kept="" if kept is None else _describe_kept(kept.choice),
        rung_correlations=rung_correlations(trials),
        # Once all have ended: it takes a second, and says little before.
        importance=setting_importance(trials) if kept is not None and phase.space else {},
    )


def _list_suggestions(phase: Phase, state: StudyState) -> dict[int, dict[str, Any]]:
    """The settings of each trial by its number."""
    pattern = re.compile(rf"suggest:{re.escape(phase.id)}/(\d+)")
    return {
        int(match[1]): decision.choice
        for subject, decision in state.decisions.items()
        if (match := pattern.fullmatch(subject)) and decision.choice
    }


def _describe_trial(
    phase: Phase,
    number: int,
    settings: dict[str, Any],
    items: Sequence[TrainedItem],
    judged: End | None,
) -> Trial:
    rungs: dict[int, list[float]] = {}
    for item in items:
        found = None if item.end is None else item.end.scores.get(str(phase.score))
        if item.end is not None and found is not None and found.point is not None:
            rungs.setdefault(item.epochs or item.end.epochs, []).append(found.point)
    # A rung is reached when all seeds have: till then its mean is of others than the rest's.
    num_runs = len({item.key for item in items})
    means = {epochs: fmean(points) for epochs, points in sorted(rungs.items())}
    whole: dict[int, float | None] = {
        epochs: mean for epochs, mean in means.items() if len(rungs[epochs]) == num_runs
    }
    ends = last_ends(items)
    score = whole[max(whole)] if whole else None
    scores = read_scores(judged, ())
    return Trial(
        number=number,
        settings=settings,
        state=_state_of_trial(items),
        epochs=max((end.epochs for end in ends.values()), default=0),
        score=score,
        scores=scores or ({} if score is None else {str(phase.score): StudyScore(point=score)}),
        rungs=whole,
        runs=tuple(finished_runs(items).values()),
    )


def _state_of_trial(
    items: Sequence[TrainedItem],
) -> Literal["waiting", "running", "paused", "finished", "failed"]:
    if not items:
        return "waiting"
    if any(item.end is None for item in items):
        return "running"
    outcomes = {end.outcome for end in last_ends(items).values()}
    if "paused" in outcomes:
        return "paused"
    return "finished" if "finished" in outcomes else "failed"


def _find_state(
    phase: Phase, trials: Sequence[Trial], state: StudyState, *, is_taken: bool
) -> NodeState:
    has_ended = is_over(state)
    if not trials:
        return "waiting" if is_taken and not has_ended else "not taken"
    if not has_ended and f"keep:{phase.id}" not in state.decisions:
        return "running"
    return "finished" if any(trial.score is not None for trial in trials) else "failed"


def _describe_kept(choice: Mapping[str, Any]) -> str:
    """What a `keep` decision handed on, in words.

    >>> _describe_kept({"values": ["resnet18", "resnet34"], "trials": [3, 7]})
    'resnet18, resnet34 (of trials 3, 7)'
    >>> _describe_kept({"trials": [3]})
    'trial 3'
    """
    numbers = ", ".join(map(str, choice.get("trials", ())))
    trials = f"trial{'s' if ',' in numbers else ''} {numbers}" if numbers else "nothing"
    values = ", ".join(map(str, choice.get("values", ())))
    return f"{values} (of {trials})" if values else trials


def _is_number(value: float | None) -> bool:
    return value is not None and not math.isnan(value)
