"""The next step of a study, from its plan and its ledger alone."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Final

from xlite.studies.next_step import DueDecision, Step
from xlite.studies.rules.asked_scores import finishing_of
from xlite.studies.rules.cache_items import is_cache_built, ready_cache_items
from xlite.studies.rules.conditions import decide_rule
from xlite.studies.rules.looks import due_look, ready_look
from xlite.studies.rules.measured import measure
from xlite.studies.rules.runs import (
    Run,
    folders_of,
    judge_id,
    judge_item,
    name_of_run,
    train_item,
)
from xlite.studies.rules.search import Search
from xlite.studies.rules.standing import Standing
from xlite.studies.rules.winner import WINNER, decide_winner
from xlite.studies.study_plan import Ask, Experiment, Phase, StudyPlan
from xlite.studies.study_state import StudyState
from xlite.studies.work_item import WorkItem

END_DECISION: Final = "end"
MAX_LOST: Final = 3
"""An item over which so many agents died is not tried again."""

_NO_FOLDS: Final[Mapping[Path, int]] = MappingProxyType({})


def find_next_step(
    plan: StudyPlan,
    state: StudyState,
    *,
    folds: Mapping[Path, int] = _NO_FOLDS,
    most_ready: int | None = None,
) -> Step:
    """What can be done now, in this order: decisions, items, questions; or that all is ended.

    folds: the number of folds by the split, as the plan names it, for each split of the plan that
    is made of folds (repeats counted). most_ready: with how many ready items the step is content,
    for who wants the first ones alone; None for all. The same arguments give the same step.

    First comes the cache. Experiments come in the order of the plan, all with their first seed
    before any with its second one; what comes `after` something waits until that has ended. A
    search is given a trial, or a promotion, when nothing else is to be done: what was found by
    then says more. Variants that get seeds until they are decided are looked at once all runs so
    far have ended. Once nothing is to be done, held or asked, the winner is decided, what
    `[finally]` asks for is done, one after the other, and the study ends.
    """
    if END_DECISION in state.decisions:
        return Step(is_ended=True)
    standing = Standing(plan, state, folds)
    searches = [
        Search(phase, standing) for phase in plan.phases if standing.status(phase.id) == "begun"
    ]
    kept = (search.due_keep() for search in searches)
    others = (one for one in (*kept, due_look(standing)) if one is not None)
    decisions = (*_due_rules(standing), *others)
    if decisions:
        return Step(decisions=decisions)
    ready = tuple(itertools.islice(_ready_items(standing, searches), most_ready))
    if not ready and is_cache_built(plan.build, state):
        for search in searches:
            if (due := search.due_work()) is not None:
                return Step(decisions=(due,))
    asks = tuple(ask for ask in plan.asks if standing.status(ask.id) == "begun")
    if ready or asks or state.held:
        return Step(ready=ready, waiting_for=asks)
    return _finish(standing)


def describe_loss(state: StudyState, item_id: str) -> str | None:
    """Why an item that is ready must not be tried again; None where it is to be performed.

    Whoever claims such an item ends it at once, as failed, with this as the error.
    """
    item = state.items.get(item_id)
    if item is None or item.num_lost < MAX_LOST:
        return None
    return (
        f"lost {item.num_lost} times: each agent that worked on it died. See its log for what they "
        "had in common, as memory or time."
    )


def _due_rules(standing: Standing) -> Iterator[DueDecision]:
    for rule in standing.plan.rules:
        if standing.status(rule.id) == "begun":
            score = rule.when.score
            yield decide_rule(rule, [measure(standing, one, score) for one in rule.when.of])


def _ready_items(standing: Standing, searches: Sequence[Search]) -> Iterator[WorkItem]:
    plan, state = standing.plan, standing.state
    if not is_cache_built(plan.build, state):
        if plan.build is not None and not standing.is_stopped:
            yield from ready_cache_items(plan.build, state)
        return
    begun = [one for one in plan.experiments if standing.status(one.id) == "begun"]
    for experiment in begun:
        yield from _ready_judgement(standing, experiment)
    if (look := ready_look(standing)) is not None:
        yield look
    for search in searches:
        yield from search.judge_items()
    runs = [
        (run.place, place, run)
        for place, experiment in enumerate(begun)
        for run in standing.runs(experiment)
        if standing.is_free(run.item)
    ]
    for _, place, run in sorted(runs, key=lambda one: one[:2]):
        yield _train_item_of(begun[place], run)
    for search in searches:
        yield from search.train_items()


def _train_item_of(experiment: Experiment, run: Run) -> WorkItem:
    item = train_item(
        experiment,
        experiment.id,
        experiment.settings,
        run,
        item_id=run.item,
        has_fixed_budget=experiment.has_fixed_budget,
    )
    name = name_of_run(experiment, run)
    return replace(item, name=name, has_open_budget=experiment.has_open_budget)


def _ready_judgement(standing: Standing, experiment: Experiment) -> Iterator[WorkItem]:
    ends = standing.ends(experiment)
    scores = standing.scores_asked(experiment.id)
    if ends is None or not scores or not standing.is_free(judge_id(experiment.id)):
        return
    runs = folders_of(ends)
    if runs:
        yield judge_item(experiment, experiment.id, runs, scores)


def _finish(standing: Standing) -> Step:
    """The next of what is done once, after all else; the last of it is that the study ends."""
    state = standing.state
    wanted = finishing_of(standing.plan.finish)
    if wanted and WINNER not in state.decisions:
        return Step(decisions=(decide_winner(standing),))
    for name in wanted:
        item_id = f"finish:{name}"
        if state.end_of(item_id) is None:
            winner = state.decisions[WINNER].choice["id"]
            return Step(ready=(WorkItem(id=item_id, kind="finish", subject=name, winner=winner),))
    return Step(decisions=(_decide_end(standing),))


def _decide_end(standing: Standing) -> DueDecision:
    plan = standing.plan
    parts: tuple[Experiment | Phase | Ask, ...] = (*plan.experiments, *plan.phases, *plan.asks)
    targets = [part.id for part in parts]
    not_taken = [one for one in targets if standing.status(one) != "ended"]
    failed = [name for name, item in standing.state.items.items() if item.status == "failed"]
    why = f"{len(targets) - len(not_taken)} of {len(targets)} parts of the plan have ended"
    if not_taken:
        why += f"; not taken: {', '.join(not_taken)}"
    if failed:
        why += f"; failed: {', '.join(failed)}"
    return DueDecision(
        subject=END_DECISION, choice={"not_taken": not_taken, "failed": failed}, why=why
    )
