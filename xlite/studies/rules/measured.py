"""Scores as rules see them: how a judgement came out, and what has to be known of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from xlite.studies.rules.runs import judge_id
from xlite.studies.rules.standing import Standing
from xlite.studies.study_plan import Experiment, On, Phase, ScoreName
from xlite.studies.study_state import StudyState


@dataclass(frozen=True)
class Measured:
    """The score of an experiment or of a trial."""

    subject: str
    point: float | None = None
    """None where there is no score: it failed, was not taken, or the score is undefined."""
    low: float | None = None
    """The lower end of its 95 % interval."""
    high: float | None = None
    note: str = ""
    """What else has to be known of it, as `2 of 3 runs`, or why there is no score."""
    saw: tuple[int, ...] = ()
    """The numbers of the entries that it rests on."""

    def value(self, on: On) -> float | None:
        """What is held against a threshold."""
        return self.point if on == "point" else self.low

    def __str__(self) -> str:
        """The score in words, as in `E1 0.9512 (2 of 3 runs)`."""
        return self.describe("point")

    def describe(self, on: On) -> str:
        """What is held against a threshold, in words."""
        value = self.value(on)
        shown = "no score" if value is None else f"{value:.4f}"
        return f"{self.subject} {shown}" + (f" ({self.note})" if self.note else "")


def measure(standing: Standing, subject: str, score: ScoreName) -> Measured:
    """The score of an experiment, or of a phase's best trial, that has ended or won't be taken."""
    part = standing.part(subject)
    if standing.status(subject) != "ended":
        return Measured(subject, note="not taken")
    if isinstance(part, Phase):
        return _measure_best(standing, part, score)
    items = [run.item for run in standing.runs(part)] if isinstance(part, Experiment) else []
    return measure_judged(standing.state, subject, score, items)


def measure_candidates(standing: Standing, score: ScoreName) -> list[Measured]:
    """The scores of all that may win, in the order of the plan: what was not taken is left out.

    Of a chain of phases only the last one counts that has kept anything: with each of its trials
    where it confirms, else with the best one.
    """
    plan = standing.plan
    experiments = [one for one in plan.experiments if standing.status(one.id) == "ended"]
    found = [measure(standing, one.id, score) for one in experiments]
    by_id = {phase.id: phase for phase in plan.phases}
    for phase in plan.phases:
        if any(other.previous == phase.id for other in plan.phases):
            continue
        last: Phase | None = phase
        while last is not None and not _kept(standing, last):
            last = by_id.get(last.previous or "")
        if last is not None and last.method == "confirm":
            found += [
                measure_judged(standing.state, trial.subject, score, trial.end_items)
                for trial in standing.trials(last)
            ]
        elif last is not None:
            found.append(measure(standing, last.id, score))
    return found


def _kept(standing: Standing, phase: Phase) -> list[int]:
    decision = standing.state.decisions.get(f"keep:{phase.id}")
    return [] if decision is None else decision.choice["trials"]


def _measure_best(standing: Standing, phase: Phase, score: ScoreName) -> Measured:
    """What a search has chosen is too good, and lowered by the optimism of the choice."""
    state, numbers = standing.state, _kept(standing, phase)
    if not numbers:
        saw = (state.decision_numbers[f"keep:{phase.id}"],)
        return Measured(phase.id, note="no trial has a score", saw=saw)
    trials = standing.trials(phase)
    best = trials[numbers[0] - 1]
    found = measure_judged(state, best.subject, score, best.end_items)
    optimism = state.decisions[f"keep:{phase.id}"].choice["optimism"]
    if phase.method == "confirm" or not optimism or found.point is None:
        return found
    low, high = (None if one is None else one - optimism for one in (found.low, found.high))
    note = (
        f"the best of {len(trials)} trials, {found.point:.4f} as measured, "
        f"lowered by {optimism:.4f} for having been chosen"
    )
    note = f"{found.note}, {note}" if found.note else note
    return replace(found, point=found.point - optimism, low=low, high=high, note=note)


def measure_judged(
    state: StudyState, subject: str, score: ScoreName, train_items: Sequence[str]
) -> Measured:
    """The score by which an experiment or a trial was judged, all of its runs having ended.

    train_items: the ids of the items that the judged runs ended with.
    """
    ended = [item for name in train_items if (item := state.items.get(name)) and item.end]
    num_failed = sum(item.status == "failed" for item in ended)
    judged = state.items.get(judge_id(subject))
    if judged is None or judged.end is None:
        saw = tuple(item.end_number for item in ended)
        return Measured(subject, note="failed" if num_failed else "not judged", saw=saw)
    saw = (judged.end_number,)
    if judged.end.outcome == "failed":
        return Measured(subject, note="could not be judged", saw=saw)
    found = judged.end.scores.get(str(score))
    if found is None or found.point is None:
        return Measured(subject, note="undefined", saw=saw)
    note = f"{len(ended) - num_failed} of {len(ended)} runs" if num_failed else ""
    return Measured(subject, found.point, found.low, found.high, note, saw)
