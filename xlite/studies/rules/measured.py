"""Scores as rules see them: how a judgement came out, and what has to be known of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xlite.studies.rules.runs import judge_id
from xlite.studies.study_plan import On, ScoreName
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
