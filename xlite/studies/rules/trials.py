"""The trials of a phase, and how far each has come."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean
from typing import Any

from xlite.studies.ledger_entries import End
from xlite.studies.rules.runs import Run, folders_of, judge_id, list_runs
from xlite.studies.study_plan import Phase
from xlite.studies.study_state import StudyState


@dataclass(frozen=True)
class Stage:
    """A trial's way from one rung to the next, or, without rungs, all of it."""

    epochs: int
    """Finished epochs at its end."""
    is_last: bool
    items: Mapping[Run, str]
    """The ids of its items, by the run; those whose runs had ended before are left out."""
    ends: Mapping[Run, End]
    """How each run of the trial ended last."""
    saw: tuple[int, ...]
    """The numbers of the entries of these ends, and of the judgement."""
    score: float | None
    """The mean over the runs that did not fail; None before all have ended, and without any."""
    is_complete: bool


class Trial:
    """One trial of a phase, as far as the ledger has it.

    Its score is that of its runs' training; where training does not have the phase's score, it is
    the judgement's, for which the trial waits.
    """

    def __init__(self, phase: Phase, number: int, state: StudyState, num_folds: int) -> None:
        """A trial that was suggested."""
        self.phase = phase
        self.number = number
        self.subject = f"{phase.id}/{number}"
        self.values: Mapping[str, Any] = state.decisions[f"suggest:{self.subject}"].choice
        self._state = state
        self._score = str(phase.score)
        self._judgement = (
            None if phase.score.is_of_training else state.items.get(judge_id(self.subject))
        )
        self._runs = list_runs(self.subject, phase.seeds, num_folds)

    @property
    def epochs(self) -> int:
        """The epochs of a whole run."""
        return int(self.values.get("epochs", self.phase.settings.epochs))

    @cached_property
    def levels(self) -> tuple[int, ...]:
        """The epochs at which it pauses, and those of a whole run."""
        rungs, levels = self.phase.rungs, []
        if rungs is not None:
            epochs = rungs.first
            while epochs < self.epochs:
                levels.append(epochs)
                epochs *= rungs.factor
        return (*levels, self.epochs)

    @cached_property
    def stages(self) -> tuple[Stage, ...]:
        """Those that it may have trained: the first, and each that it was promoted to."""
        return tuple(self._list_stages())

    @property
    def last(self) -> Stage:
        """The stage that it is in, or ended in."""
        return self.stages[-1]

    @property
    def is_pending(self) -> bool:
        """Whether an item of it is to be done or is being done."""
        return not self.last.is_complete

    @property
    def is_paused(self) -> bool:
        """Whether it waits at a rung."""
        ends = self.last.ends.values()
        return not self.is_pending and any(end.outcome == "paused" for end in ends)

    @property
    def awaits_judgement(self) -> bool:
        """Whether all that it has to be told apart by is a judgement."""
        if self.phase.score.is_of_training or len(self.last.ends) < len(self._runs):
            return False
        return self.is_pending

    @property
    def is_trained(self) -> bool:
        """Whether it was trained to its end and has a score."""
        return not self.is_pending and not self.is_paused and self.last.score is not None

    @property
    def has_failed(self) -> bool:
        """Whether it has come to nothing."""
        return not self.is_pending and self.last.score is None

    @property
    def scored(self) -> Stage | None:
        """The last stage that is complete and has a score; None for a trial that failed."""
        if self.has_failed:
            return None
        return next((one for one in reversed(self.stages) if one.score is not None), None)

    def stage_at(self, epochs: int) -> Stage | None:
        """What it came to by so many epochs: at that rung, or at its end before that.

        None for a trial that failed, or that has not come so far.
        """
        if self.has_failed:
            return None
        for stage in self.stages:
            if stage.epochs == epochs and stage.score is not None and not stage.is_last:
                return stage
        return self.last if self.is_trained and self.last.epochs <= epochs else None

    def next_level(self) -> int | None:
        """The epochs to which it can be promoted; None where it can't."""
        return self.levels[len(self.stages)] if self.is_paused else None

    @property
    def end_items(self) -> tuple[str, ...]:
        """The ids of the items by which its runs ended."""
        latest: dict[Run, str] = {}
        for stage in self.stages:
            latest |= stage.items
        return tuple(latest.values())

    def _list_stages(self) -> Iterator[Stage]:
        ends: dict[Run, End] = {}
        numbers: dict[Run, int] = {}
        for place, epochs in enumerate(self.levels):
            if place and f"promote:{self.subject}:{epochs}" not in self._state.decisions:
                return
            going = [run for run in self._runs if place == 0 or ends[run].outcome == "paused"]
            items = {run: self._item_id(run, epochs) for run in going}
            found = {run: self._state.items.get(name) for run, name in items.items()}
            for run, item in found.items():
                if item is not None and item.end is not None:
                    ends[run], numbers[run] = item.end, item.end_number
            has_ended = all(item is not None and item.end for item in found.values())
            is_complete = has_ended and not self._lacks_judgement(ends)
            judged = () if self._judgement is None else (self._judgement.end_number,)
            yield Stage(
                epochs,
                place == len(self.levels) - 1,
                items,
                dict(ends),
                (*sorted(numbers.values()), *judged),
                self._find_score(ends) if is_complete else None,
                is_complete,
            )
            if not is_complete:
                return

    def _item_id(self, run: Run, epochs: int) -> str:
        return run.item if self.phase.rungs is None else f"{run.item}:e{epochs}"

    def _lacks_judgement(self, ends: Mapping[Run, End]) -> bool:
        if self.phase.score.is_of_training or not folders_of(ends.values()):
            return False
        return self._judgement is None

    def _find_score(self, ends: Mapping[Run, End]) -> float | None:
        if self._judgement is not None and self._judgement.end is not None:
            score = self._judgement.end.scores.get(self._score)
            return None if score is None else score.point
        scores = [end.scores.get(self._score) for end in ends.values() if end.outcome != "failed"]
        points = [score.point for score in scores if score is not None and score.point is not None]
        return fmean(points) if points and len(points) == len(scores) else None
