"""Where a study stands: what of its plan has begun, has ended, waits, or is not taken."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Literal

from xlite.studies.ledger_entries import End
from xlite.studies.rules.asked_scores import scores_asked
from xlite.studies.rules.cache_items import failed_cache_item
from xlite.studies.rules.growing import is_growing, list_seeds
from xlite.studies.rules.runs import Run, folders_of, judge_id, list_runs
from xlite.studies.rules.trials import Trial
from xlite.studies.study_plan import END, Ask, Experiment, Phase, Rule, ScoreName, StudyPlan
from xlite.studies.study_state import StudyState

Status = Literal["waiting", "not taken", "begun", "ended"]
"""Of an experiment, phase, question or rule. A question has begun when it can be answered."""

PlanPart = Experiment | Phase | Rule | Ask


class Standing:
    """The statuses of a plan's parts at one state of the ledger."""

    def __init__(self, plan: StudyPlan, state: StudyState, folds: Mapping[Path, int]) -> None:
        """folds: how many folds there are in a split of the plan that is made of them."""
        self.plan = plan
        self.state = state
        self._folds = folds
        self._statuses: dict[str, Status] = {}
        self._runs: dict[str, list[Run]] = {}
        parts: tuple[PlanPart, ...] = (*plan.experiments, *plan.phases, *plan.rules, *plan.asks)
        self._parts = {one.id: one for one in parts}
        self._namers: dict[str, list[str]] = defaultdict(list)
        for rule in plan.rules:
            for target in (*rule.then, *rule.otherwise):
                self._namers[target].append(rule.id)
        for ask in plan.asks:
            for answer in ask.choices.values():
                for target in answer.then:
                    self._namers[target].append(ask.id)
        # In the order of the plan, where a thing follows what it comes after: a chain of a thousand
        # would go too deep, were it followed from its end.
        for part in self._parts:
            self.status(part)

    def status(self, part: str) -> Status:
        """Where an experiment, phase, rule or question stands, by its id."""
        if part not in self._statuses:
            # Whatever waits for itself would wait for ever; `check` refuses such a plan.
            self._statuses[part] = "waiting"
            self._statuses[part] = self._find_status(part)
        return self._statuses[part]

    @property
    def not_taken(self) -> frozenset[str]:
        """The ids of what has not begun and can't begin any more."""
        return frozenset(part for part in self._parts if self.status(part) == "not taken")

    def part(self, part: str) -> PlanPart | None:
        """What the plan has under an id."""
        return self._parts.get(part)

    def num_folds(self, owner: Experiment | Phase) -> int:
        """How many folds its split is made of; 0 for a plain split."""
        return self._folds.get(owner.split or self.plan.split, 0)

    def runs(self, experiment: Experiment) -> list[Run]:
        """The runs of an experiment, those that have ended included."""
        if experiment.id not in self._runs:
            num_folds = self.num_folds(experiment)
            seeds = list_seeds(self.plan, self.state, experiment)
            self._runs[experiment.id] = list_runs(experiment.id, seeds, num_folds)
        return self._runs[experiment.id]

    def ends(self, experiment: Experiment) -> list[End] | None:
        """How its runs ended; None while one has not, or further seeds may be added."""
        if is_growing(self.plan, self.state, experiment.id):
            return None
        ends = [self.state.end_of(run.item) for run in self.runs(experiment)]
        found = [end for end in ends if end is not None]
        return found if len(found) == len(ends) else None

    def scores_asked(self, subject: str) -> tuple[ScoreName, ...]:
        """The scores by which an experiment, or a phase's best trial, is judged."""
        return self._asked[subject]

    def trials(self, phase: Phase) -> tuple[Trial, ...]:
        """The trials of a phase that were suggested, in the order of their numbers."""
        found: list[Trial] = []
        while True:
            number = len(found) + 1
            suggestion = self.state.decisions.get(f"suggest:{phase.id}/{number}")
            # Without settings it says that there are no others.
            if suggestion is None or not suggestion.choice:
                return tuple(found)
            found.append(Trial(phase, number, self.state, self.num_folds(phase)))

    def is_free(self, item_id: str) -> bool:
        """Whether an item has not ended and nobody holds it."""
        item = self.state.items.get(item_id)
        return item is None or (item.holder is None and item.end is None)

    @cached_property
    def _asked(self) -> dict[str, tuple[ScoreName, ...]]:
        return scores_asked(self.plan)

    @cached_property
    def is_stopped(self) -> bool:
        """Whether nothing may begin any more: END was reached, or there is no cache."""
        if failed_cache_item(self.plan.build, self.state) is not None:
            return True
        return any(
            END in self._begun_by(part.id)
            for part in self._parts.values()
            if isinstance(part, Rule | Ask)
        )

    def _find_status(self, part: str) -> Status:
        found = self._parts.get(part)
        match found:
            case None:
                return "waiting"
            case Rule():
                return self._rule_status(found)
            case Ask() if found.id in self.state.answers:
                return "ended"
        way = self._way_to(found)
        if way != "not taken" and self.is_stopped and not self._was_touched(found):
            return "not taken"
        return "ended" if way == "begun" and self._is_done(found) else way

    def _way_to(self, part: Experiment | Phase | Ask) -> Status:
        """Whether a part may begin by the branches that name it and by what it comes after."""
        before = [self.status(one) for one in part.after]
        if isinstance(part, Phase) and part.previous is not None:
            before.append(self.status(part.previous))
        namers = self._namers.get(part.id)
        if namers and not any(part.id in self._begun_by(namer) for namer in namers):
            statuses = [self.status(namer) for namer in namers]
            is_open = "waiting" in statuses or "begun" in statuses
            return "waiting" if is_open and "not taken" not in before else "not taken"
        if "not taken" in before:
            return "not taken"
        return "begun" if all(status == "ended" for status in before) else "waiting"

    def _begun_by(self, namer: str) -> tuple[str, ...]:
        """The targets that a rule or an answer has begun."""
        part = self._parts[namer]
        if isinstance(part, Rule):
            decision = self.state.decisions.get(f"rule:{namer}")
            return () if decision is None else tuple(decision.choice["begins"])
        answer = self.state.answers.get(namer)
        if answer is None or not isinstance(part, Ask) or answer.choice not in part.choices:
            return ()
        return part.choices[answer.choice].then

    def _rule_status(self, rule: Rule) -> Status:
        if f"rule:{rule.id}" in self.state.decisions:
            return "ended"
        statuses = [self.status(one) for one in rule.when.of]
        if self.is_stopped or all(status == "not taken" for status in statuses):
            return "not taken"
        has_open = any(status in ("waiting", "begun") for status in statuses)
        return "waiting" if has_open else "begun"

    def _was_touched(self, part: Experiment | Phase | Ask) -> bool:
        if isinstance(part, Phase):
            return self._is_done(part) or f"suggest:{part.id}/1" in self.state.decisions
        if isinstance(part, Experiment):
            return any(run.item in self.state.items for run in self.runs(part))
        return False

    def _is_done(self, part: Experiment | Phase | Ask) -> bool:
        if isinstance(part, Phase):
            return f"keep:{part.id}" in self.state.decisions
        ends = self.ends(part) if isinstance(part, Experiment) else None
        if ends is None:
            return False
        is_judged = self.state.end_of(judge_id(part.id)) is not None
        return is_judged or not folders_of(ends) or not self.scores_asked(part.id)
