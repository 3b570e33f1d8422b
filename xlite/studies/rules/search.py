"""A phase of a search that has begun: its work items, and the decisions that it waits for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property

from xlite.settings.by_name import change_settings
from xlite.studies.next_step import DueDecision
from xlite.studies.rules.kept_trials import (
    decide_keep,
    keep_nothing,
    kept_settings,
    rank_trials,
)
from xlite.studies.rules.measured import Measured, measure_judged
from xlite.studies.rules.rungs import find_last_promotion, find_promotion
from xlite.studies.rules.runs import folders_of, judge_id, judge_item, train_item
from xlite.studies.rules.search_space import SearchSpace
from xlite.studies.rules.standing import Standing
from xlite.studies.rules.suggestion import suggest
from xlite.studies.rules.trials import Trial
from xlite.studies.study_plan import Phase
from xlite.studies.work_item import WorkItem


class Search:
    """A phase at one state of the ledger."""

    def __init__(self, phase: Phase, standing: Standing) -> None:
        """A phase that has begun and not ended."""
        self.phase = phase
        self._standing = standing
        self._state = standing.state
        previous = phase.previous
        self._starts = [] if previous is None else kept_settings(previous, self._state)

    @cached_property
    def trials(self) -> tuple[Trial, ...]:
        """Its trials in the order of their numbers."""
        return self._standing.trials(self.phase)

    def train_items(self) -> Iterator[WorkItem]:
        """What can be trained now, of all seeds and folds; a trial that came further goes first."""
        pending = [trial for trial in self.trials if trial.is_pending]
        for trial in sorted(pending, key=lambda one: (-len(one.stages), one.number)):
            yield from self._train_items_of(trial)

    def judge_items(self) -> Iterator[WorkItem]:
        """What can be judged now: all that confirm or have no other score; else the best one."""
        scores = self._standing.scores_asked(self.phase.id)
        for trial in self._to_judge:
            if self._standing.is_free(judge_id(trial.subject)):
                runs = folders_of(trial.last.ends.values())
                yield judge_item(self.phase, trial.subject, runs, scores)

    def due_keep(self) -> DueDecision | None:
        """The decision that ends the phase, where it is due."""
        if self.phase.previous is not None and not self._starts:
            return keep_nothing(self.phase)
        ends = [self._state.end_of(judge_id(trial.subject)) for trial in self._to_judge]
        if not self._is_over or None in ends:
            return None
        return decide_keep(self.phase, self.trials, self._judged)

    def due_work(self) -> DueDecision | None:
        """What gives an agent that asks for work an item: a promotion, or a new trial."""
        return self._due_promotion or (self._next_trial() if self._has_next_trial else None)

    @cached_property
    def _due_promotion(self) -> DueDecision | None:
        if self.phase.rungs is None or not self.trials:
            return None
        found = find_promotion(self.trials)
        if found is None and not self._has_next_trial:
            found = find_last_promotion(self.trials)
        return found

    @property
    def _has_next_trial(self) -> bool:
        number = len(self.trials) + 1
        if f"suggest:{self.phase.id}/{number}" in self._state.decisions:
            return False  # the space is exhausted
        if self.phase.method == "confirm":
            return number <= len(self._starts)
        return number <= self.phase.runs or (self.phase.method == "grid" and not self.phase.runs)

    @property
    def _is_over(self) -> bool:
        is_idle = not any(trial.is_pending for trial in self.trials)
        return is_idle and self._due_promotion is None and not self._has_next_trial

    @cached_property
    def _to_judge(self) -> tuple[Trial, ...]:
        if not self.phase.score.is_of_training:
            return tuple(one for one in self.trials if one.is_trained or one.awaits_judgement)
        if self.phase.method == "confirm":
            return tuple(one for one in self.trials if one.is_trained)
        return tuple(rank_trials(self.trials, {})[:1]) if self._is_over else ()

    @property
    def _judged(self) -> Mapping[int, Measured]:
        return {
            trial.number: measure_judged(
                self._state, trial.subject, self.phase.score, trial.end_items
            )
            for trial in self._to_judge
        }

    def _next_trial(self) -> DueDecision:
        number = len(self.trials) + 1
        if self.phase.method == "confirm":
            return DueDecision(
                subject=f"suggest:{self.phase.id}/{number}",
                choice=dict(self._starts[number - 1]),
                why=f"number {number} of those that {self.phase.previous} kept, with fresh seeds",
                saw=(self._state.decision_numbers[f"keep:{self.phase.previous}"],),
            )
        space = SearchSpace(self.phase.space, tuple(self._starts))
        return suggest(self.phase, space, number, self.trials)

    def _train_items_of(self, trial: Trial) -> Iterator[WorkItem]:
        free = {run: name for run, name in trial.last.items.items() if self._standing.is_free(name)}
        if not free:
            return
        settings = change_settings(self.phase.settings, trial.values, where=trial.subject)
        for run, name in free.items():
            yield train_item(
                self.phase,
                trial.subject,
                settings,
                run,
                item_id=name,
                until_epoch=None if trial.last.is_last else trial.last.epochs,
                has_fixed_budget="epochs" in trial.values,
            )
