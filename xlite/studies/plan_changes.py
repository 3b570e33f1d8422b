"""What an edited plan changes of a study that has begun, and which of its results no longer count.

An item's result counts as long as what it was made from is the same: settings, weights, data, the
scores that were asked for. A decision counts as long as what it saw does, and its rule is the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from typing import Any

from xlite.studies.plan_differences import describe_differences
from xlite.studies.rules.asked_scores import scores_asked
from xlite.studies.study_plan import Ask, Experiment, Phase, Rule, StudyPlan
from xlite.studies.study_state import StudyState

_OF_RUNS = ("settings", "split", "weights", "warm_start", "has_fixed_budget")
_OF_TRIALS = ("method", "settings", "space", "score", "seeds", "seed", "rungs", "previous")
_OF_DATA = ("labels", "cache", "images")


@dataclass(frozen=True, kw_only=True)
class PlanChanges:
    """What was changed, in sentences, and what it makes invalid."""

    differences: tuple[str, ...] = ()
    """A sentence each; none where the plans are the same."""
    items: tuple[str, ...] = ()
    """Ids of items; one that ends in a colon or a slash stands for all that begin with it."""
    decisions: tuple[str, ...] = ()
    """Subjects of decisions and `ask:ID` of answers, in the same way."""

    def invalid_items(self, state: StudyState) -> list[str]:
        """The items of a study whose ends no longer count."""
        return [name for name in state.items if _is_meant(name, self.items)]

    def invalid_decisions(self, state: StudyState) -> list[str]:
        """The subjects that are decided anew, and the questions to be asked again."""
        return [name for name in state.decision_numbers if _is_meant(name, self.decisions)]


def describe_changes(old: StudyPlan, new: StudyPlan) -> PlanChanges:
    """What the new plan changes of a study that began with the old one.

    A text that people read (title, question, the names of a study) invalidates nothing, nor does
    what machines are asked for. A changed result invalidates whatever was decided by it.
    """
    found = _Invalid(old, new)
    found.find()
    return PlanChanges(
        differences=tuple(describe_differences(old, new)),
        items=tuple(dict.fromkeys(found.items)),
        decisions=tuple(dict.fromkeys(found.decisions)),
    )


def _is_meant(name: str, patterns: Iterable[str]) -> bool:
    return any(name.startswith(one) if one[-1] in ":/" else name == one for one in patterns)


class _Invalid:
    """What is invalid so far, in the order in which one thing follows from another."""

    def __init__(self, old: StudyPlan, new: StudyPlan) -> None:
        self.old, self.new = old, new
        self.items: list[str] = []
        self.decisions: list[str] = []
        self._moved: set[str] = set()
        """Experiments and phases whose scores may be others now."""
        self._is_end_open = False

    def find(self) -> None:
        old, new = self.old, self.new
        if old.build != new.build:
            self.items.append("cache:")
        for one, other in _pairs(old.experiments, new.experiments):
            self._compare_experiments(one, other)
        self._look_anew()
        for phase, other in _pairs(old.phases, new.phases):
            self._compare_phases(phase, other)
        self._follow_chain()
        for rule, other in _pairs(old.rules, new.rules):
            same = rule is not None and other is not None and _is_same_rule(rule, other)
            self._decide_anew(
                f"rule:{(rule or other).id}", is_same=same, of=(rule or other).when.of
            )
        for ask, other in _pairs(old.asks, new.asks):
            same = ask is not None and other is not None and ask.choices == other.choices
            self._decide_anew(f"ask:{(ask or other).id}", is_same=same, of=(ask or other).after)
        self._finish_anew()

    def _compare_experiments(self, old: Experiment | None, new: Experiment | None) -> None:
        if old is None or new is None:
            one = (old or new).id  # type: ignore[union-attr]
            self._is_end_open = True
            if new is None:
                self._move(one, f"train:{one}:")
            return
        if self._reads_other_data(old, new) or _differ(old, new, _OF_RUNS):
            self._move(old.id, f"train:{old.id}:")
            return
        removed = [seed for seed in old.seeds if seed not in new.seeds]
        for seed in removed:
            self.items += [f"train:{old.id}:s{seed}", f"train:{old.id}:s{seed}:"]
        asked, before = (set(scores_asked(plan)[old.id]) for plan in (self.new, self.old))
        if set(old.seeds) != set(new.seeds) or not asked <= before:
            self._move(old.id)
        self._is_end_open |= _differ(old, new, ("success", "expected"))

    def _look_anew(self) -> None:
        """A look is at all variants together, so that all count anew where one does."""
        old, new = self.old.growth, self.new.growth
        variants = {name for one in (old, new) if one is not None for name in one.variants}
        if old == new and not self._moved & variants:
            return
        self.items.append("look:")
        self.decisions.append("seeds:")
        for name in sorted(variants - self._moved):
            self._move(name)

    def _compare_phases(self, old: Phase | None, new: Phase | None) -> None:
        if old is None or new is None:
            one = (old or new).id  # type: ignore[union-attr]
            self._is_end_open = True
            if new is None:
                self._move_phase(one)
        elif self._reads_other_data(old, new) or _differ(old, new, (*_OF_RUNS[:4], *_OF_TRIALS)):
            self._move_phase(old.id)
        elif _differ(old, new, ("runs", "keep")):
            self.decisions.append(f"keep:{old.id}")
            self._moved.add(old.id)

    def _move(self, experiment: str, *items: str) -> None:
        self._moved.add(experiment)
        self.items += [*items, f"judge:{experiment}"]

    def _move_phase(self, phase: str) -> None:
        self._move(phase, f"train:{phase}/", f"judge:{phase}/")
        self.decisions += [f"suggest:{phase}/", f"promote:{phase}/", f"keep:{phase}"]

    def _follow_chain(self) -> None:
        """What comes after a phase rests on what that one kept."""
        for phase in self.new.phases:
            if phase.previous in self._moved and f"train:{phase.id}/" not in self.items:
                self._move_phase(phase.id)

    def _reads_other_data(self, old: Experiment | Phase, new: Experiment | Phase) -> bool:
        if _differ(self.old, self.new, _OF_DATA) or self.old.build != self.new.build:
            return True
        return (old.split or self.old.split) != (new.split or self.new.split)

    def _decide_anew(self, subject: str, *, is_same: bool, of: Iterable[str]) -> None:
        asks = {name.removeprefix("ask:") for name in self.decisions if name.startswith("ask:")}
        if not is_same or (self._moved | asks) & set(of):
            self.decisions.append(subject)

    def _finish_anew(self) -> None:
        old, new = self.old.finish, self.new.finish
        is_open = bool(self._is_end_open or self.items or self.decisions)
        if is_open or (old.score, old.then) != (new.score, new.then):
            self.decisions += ["winner", "end"]
            self.items.append("finish:")
            return
        changed = [
            one.name for one in fields(old) if getattr(old, one.name) != getattr(new, one.name)
        ]
        if self.old.baseline != self.new.baseline:
            changed += ["compare", "card", "report"]
        if changed:
            self.items += [f"finish:{name}" for name in dict.fromkeys([*changed, "report"])]
            self.decisions.append("end")


def _is_same_rule(old: Rule, new: Rule) -> bool:
    return (old.when, old.then, old.otherwise) == (new.when, new.then, new.otherwise)


def _differ(old: Any, new: Any, names: Iterable[str]) -> bool:
    return any(getattr(old, name) != getattr(new, name) for name in names)


def _pairs(old: Iterable[Any], new: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
    """What has the same id in both, in the order of the old plan; None where it is in one alone."""
    others: dict[str, Experiment | Phase | Rule | Ask] = {one.id: one for one in new}
    for one in old:
        yield one, others.pop(one.id, None)
    yield from ((None, one) for one in others.values())
