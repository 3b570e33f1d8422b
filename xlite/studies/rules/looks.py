"""Looks at variants that get one seed after the other: the item that judges, what is decided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from xlite.studies.ledger_entries import End
from xlite.studies.next_step import DueDecision
from xlite.studies.rules.growing import count_seeds, is_growing, look_subject
from xlite.studies.rules.runs import folders_of
from xlite.studies.rules.standing import Standing
from xlite.studies.study_plan import Experiment, GrowingSeeds
from xlite.studies.work_item import WorkItem


@dataclass(frozen=True)
class _Look:
    """A look that can be made: all runs so far have ended."""

    growth: GrowingSeeds
    count: int
    """Seeds."""
    runs: Mapping[str, tuple[str, ...]]
    """The folders of those that finished, by variant."""
    baseline: Experiment

    @property
    def item(self) -> str:
        return f"look:{self.count}"

    @property
    def can_judge(self) -> bool:
        """Whether baseline and one other have a finished run at all."""
        first, *others = self.growth.variants
        return bool(self.runs[first]) and any(self.runs[one] for one in others)


def ready_look(standing: Standing) -> WorkItem | None:
    """The item that judges the variants by their seeds so far; None while one of them trains."""
    look = _find_look(standing)
    if look is None or not look.can_judge or not standing.is_free(look.item):
        return None
    groups = {name: runs for name, runs in look.runs.items() if runs}
    return WorkItem(
        id=look.item,
        kind="look",
        subject=str(look.count),
        split=look.baseline.split,
        groups=groups,
    )


def due_look(standing: Standing) -> DueDecision | None:
    """Which variants get a further seed, and which have ended and how, by the look just made.

    A look that failed, or can't be made, ends all: what is not judged is not trained for, either.
    """
    look = _find_look(standing)
    if look is None:
        return None
    end = standing.state.end_of(look.item)
    if end is None and look.can_judge:
        return None
    last = look.count == len(look.growth.seeds)
    endings, texts = {}, []
    for name in look.growth.variants[1:]:
        if is_growing(standing.plan, standing.state, name):
            ending, text = _conclude(end, name, has_runs=bool(look.runs[name]), is_last=last)
            texts.append(f"{name}: {text}")
            if ending:
                endings[name] = ending
    still_open = [
        name
        for name in look.growth.variants[1:]
        if name not in endings and is_growing(standing.plan, standing.state, name)
    ]
    seed = look.growth.seeds[look.count] if still_open else None
    after = f"seed {seed} is next for {', '.join(still_open)}" if still_open else "no further seeds"
    return DueDecision(
        subject=look_subject(look.count),
        choice={"seed": seed, "open": still_open, "ended": endings},
        why=f"after {look.count} of {len(look.growth.seeds)} seeds: {'; '.join(texts)}; {after}",
        saw=() if end is None else (standing.state.items[look.item].end_number,),
    )


def _find_look(standing: Standing) -> _Look | None:
    growth, state = standing.plan.growth, standing.state
    if growth is None or not growth.variants:
        return None
    count = count_seeds(growth, state, growth.variants[0])
    if look_subject(count) in state.decisions:
        return None
    runs = {}
    for name in growth.variants:
        experiment = standing.part(name)
        if not isinstance(experiment, Experiment) or standing.status(name) not in _BEGUN:
            return None
        ends = [state.end_of(run.item) for run in standing.runs(experiment)]
        ended = [end for end in ends if end is not None]
        if len(ended) < len(ends):
            return None
        runs[name] = folders_of(ended)
    baseline = standing.part(growth.variants[0])
    assert isinstance(baseline, Experiment)
    return _Look(growth, count, runs, baseline)


_BEGUN = ("begun", "ended")


def _conclude(end: End | None, name: str, *, has_runs: bool, is_last: bool) -> tuple[str, str]:
    """How a variant ended, nothing where it goes on, and what was seen of it."""
    if end is None or not has_runs:
        return "no verdict (no finished run)", "no finished run to be judged by"
    if end.outcome == "failed":
        return "no verdict (the look failed)", f"the look failed: {end.error}"
    verdict: Mapping[str, Any] | None = end.details["verdicts"].get(name)
    if verdict is None:
        return ("no verdict (last look)" if is_last else ""), "not judged"
    text = f"{verdict['decision']}, macro AUROC {_signed(verdict['change'])}"
    if verdict["low"] is not None and verdict["high"] is not None:
        text += f" ({_signed(verdict['low'])} to {_signed(verdict['high'])})"
    why = verdict["ended"] or ("last look" if is_last else None)
    return ("" if why is None else f"{verdict['decision']} ({why})"), text


def _signed(value: float | None) -> str:
    return "undefined" if value is None else f"{value:+.4f}"
