"""The experiments of a study against what they were to reach."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Literal

from xlite.results.study import NodeState, StudyExperiment, StudyScore
from xlite.studies.ledger_entries import End, Score
from xlite.studies.rules.growing import describe_ending, is_growing, list_seeds
from xlite.studies.study_plan import Experiment, StudyPlan, Success
from xlite.studies.study_state import StudyState
from xlite.studies.summary.branches import is_over
from xlite.studies.summary.trained_items import TrainedItem, finished_runs, last_ends

Reached = Literal["stretch", "target", "minimum", "none"]


def list_experiments(
    plan: StudyPlan,
    state: StudyState,
    trained: Mapping[str, Sequence[TrainedItem]],
    not_taken: frozenset[str],
) -> list[StudyExperiment]:
    """The plan's experiments in its order, whether they were begun or not."""
    return [
        _describe(one, plan, state, trained.get(one.id, ()), is_taken=one.id not in not_taken)
        for one in plan.experiments
    ]


def _describe(
    one: Experiment,
    plan: StudyPlan,
    state: StudyState,
    items: Sequence[TrainedItem],
    *,
    is_taken: bool,
) -> StudyExperiment:
    ends, judged = last_ends(items), state.end_of(f"judge:{one.id}")
    success = one.success or Success(score=plan.finish.score)
    seeds = list_seeds(plan, state, one)
    scores = read_scores(judged, [end for end in ends.values() if end.outcome == "finished"])
    return StudyExperiment(
        id=one.id,
        title=one.title,
        changes=_list_changes(one),
        split=None if one.split is None else one.split.as_posix(),
        state=_find_state(
            seeds,
            items,
            is_taken=is_taken,
            is_growing=is_growing(plan, state, one.id),
            is_over=is_over(state),
        ),
        seeds=seeds,
        runs=tuple(finished_runs(items).values()),
        failures=tuple(
            f"seed {key.seed}" + ("" if key.fold is None else f", fold {key.fold}") + f": {error}"
            for key, end in ends.items()
            if end.outcome == "failed" and (error := end.error or "no error was noted")
        ),
        seconds=sum(end.seconds for end in ends.values()),
        scores=scores,
        score=str(success.score),
        on=success.on,
        minimum=success.minimum,
        target=success.target,
        stretch=success.stretch,
        reached=find_reached(success, scores.get(str(success.score), StudyScore())),
        expected=one.expected,
        ending=describe_ending(plan, state, one.id),
    )


def find_reached(success: Success, score: StudyScore) -> Reached | None:
    """The highest criterion that a score reaches; None without criteria or without the score.

    >>> from xlite.studies.study_plan import ScoreName
    >>> success = Success(score=ScoreName("val", "auroc"), minimum=0.8, target=0.9)
    >>> find_reached(success, StudyScore(point=0.85, low=0.7, high=0.9))
    'minimum'
    """
    levels: dict[Reached, float | None] = {
        "stretch": success.stretch,
        "target": success.target,
        "minimum": success.minimum,
    }
    value = score.point if success.on == "point" else score.low
    if value is None or value != value or all(level is None for level in levels.values()):
        return None
    for name, level in levels.items():
        if level is not None and value >= level:
            return name
    return "none"


def _list_changes(one: Experiment) -> dict[str, object]:
    """What `TrainSettings.changes` says but for the seed, which is that of each run."""
    changes = {name: value for name, value in one.settings.changes().items() if name != "seed"}
    for name, path in (("weights", one.weights), ("warm_start", one.warm_start)):
        if path is not None:
            changes[name] = path.as_posix()
    return changes


def read_scores(judged: End | None, finished: Sequence[End]) -> dict[str, StudyScore]:
    """The scores of the judgement; before there is one the means over runs, without intervals."""
    if judged is not None and judged.scores:
        return {name: _read_score(score) for name, score in judged.scores.items()}
    points: dict[str, list[float]] = {}
    for end in finished:
        for name, score in end.scores.items():
            if score.point is not None:
                points.setdefault(name, []).append(score.point)
    return {
        name: StudyScore(point=fmean(values))
        for name, values in points.items()
        if len(values) == len(finished)
    }


def _read_score(score: Score) -> StudyScore:
    return StudyScore(point=score.point, low=score.low, high=score.high)


def _find_state(
    seeds: Sequence[int],
    items: Sequence[TrainedItem],
    *,
    is_taken: bool,
    is_growing: bool,
    is_over: bool,
) -> NodeState:
    if not items:
        return "waiting" if is_taken and not is_over else "not taken"
    ends = last_ends(items)
    has_all = {item.key.seed for item in items} == set(seeds) and len(ends) == len(
        {item.key for item in items}
    )
    if (is_growing or not has_all) and not is_over:
        return "running"
    return "finished" if any(end.outcome == "finished" for end in ends.values()) else "failed"
