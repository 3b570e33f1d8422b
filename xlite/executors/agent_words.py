"""What agents say of a study while they do it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from xlite import console
from xlite.errors import InterruptedRunError, LostProcessError

if TYPE_CHECKING:
    from xlite.studies.item_result import ItemResult
    from xlite.studies.next_step import DueDecision
    from xlite.studies.study_state import StudyState
    from xlite.studies.work_item import WorkItem

_MOST_SCORES = 2
"""Of an item, in the line that says its end; the ledger has all."""


class StudyWords:
    """Each decision and each end are said, and how an interrupted study goes on."""

    def __init__(self, study: Path) -> None:
        """study: its folder."""
        self._study = study

    def say_decision(self, due: DueDecision) -> None:
        """A decision was recorded."""
        console.say(f"decided {due.subject}: {due.why}")

    def say_end(self, item: WorkItem, result: ItemResult, state: StudyState) -> None:
        """An item has ended."""
        scores = ", ".join(
            f"{name} {console.decimal(score.point)}"
            for name, score in list(result.scores.items())[:_MOST_SCORES]
        )
        num_ended = sum(one.has_ended for one in state.items.values())
        ended = "1 item has" if num_ended == 1 else f"{num_ended} items have"
        num_held = len(state.held)
        console.say(
            f"{item.label}: {result.outcome}{f' ({scores})' if scores else ''}; {ended} ended, "
            f"{num_held} {'is' if num_held == 1 else 'are'} at work"
        )

    def describe_stop(self, signal_number: int, before: WorkItem | None) -> InterruptedRunError:
        """A signal came between two items; before: the one that was to be next, if one was."""
        return InterruptedRunError(
            f"stopped; all is saved. The same command goes on, or `xlite study work "
            f"{self._study}`.",
            signal_number=signal_number,
        )

    def describe_interruption(self, error: InterruptedRunError) -> InterruptedRunError:
        """A signal came while an item was done, and `error` says that it is saved."""
        # What it says of going on is meant for `train`.
        return self.describe_stop(error.exit_code - 128, None)

    def describe_lost_process(self, error: LostProcessError) -> LostProcessError:
        """A process failed where others waited for it, so that all end."""
        return LostProcessError(
            f"{error.without_resume} The same command goes on, or `xlite study work {self._study}`."
        )
