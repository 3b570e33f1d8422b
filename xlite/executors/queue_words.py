"""What is said of the runs of a command, and what is made of agents that die over them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xlite import console
from xlite.errors import InterruptedRunError, LostProcessError
from xlite.executors.agent_crew import CrewParent
from xlite.executors.agent_entries import AgentEntries
from xlite.executors.agent_words import StudyWords
from xlite.studies.item_result import ItemResult
from xlite.studies.work_item import WorkItem

if TYPE_CHECKING:
    from xlite.executors.agent import ItemNews
    from xlite.executors.study_view import StudyView
    from xlite.studies.folder import StudyFolder
    from xlite.studies.next_step import DueDecision
    from xlite.studies.study_state import StudyState


class QueueWords(StudyWords):
    """Runs speak for themselves, and what is interrupted goes on by the same command."""

    def say_decision(self, due: DueDecision) -> None:
        """Nothing: the end of a queue is that of its command."""

    def say_end(self, item: WorkItem, result: ItemResult, state: StudyState) -> None:
        """Nothing: the run has said it."""

    def describe_stop(self, signal_number: int, before: WorkItem | None) -> InterruptedRunError:
        """A signal came between two runs."""
        where = "" if before is None else f" before {before.label}"
        return InterruptedRunError(
            f"stopped{where}. The same command with --resume continues there.",
            signal_number=signal_number,
        )

    def describe_interruption(self, error: InterruptedRunError) -> InterruptedRunError:
        """A signal came while a run was trained, which has said how it goes on."""
        return error

    def describe_lost_process(self, error: LostProcessError) -> LostProcessError:
        """It says so itself."""
        return error


class QueueParent(CrewParent):
    """Keeps the progress of runs side by side. One whose process dies has failed."""

    names_items = True
    stopping = "stopping: each run finishes its step and saves; Ctrl-C again ends at once"

    def __init__(self, folder: StudyFolder, view: StudyView, *, num_runs: int) -> None:
        """num_runs: how many there are to be trained."""
        self.deaths: dict[str, ItemResult] = {}
        """By item, whatever an agent that found it free has written of it since."""
        self._folder, self._view, self._num_runs = folder, view, num_runs
        self._begun: set[str] = set()
        self._ended: set[str] = set()
        self._interrupted: set[str] = set()

    def hear(self, item: WorkItem, news: ItemNews) -> None:
        """Note what came of a run."""
        if item.id in self.deaths:
            return
        self._view(item, news)
        self._begun.add(item.id)
        if news is None:
            self._interrupted.add(item.id)
        elif isinstance(news, ItemResult):
            self._ended.add(item.id)

    def note_death(self, agent: str, item: WorkItem | None, death: str) -> bool:
        """Enter the run as failed; another agent goes on with the next one, if there is one."""
        if item is None:
            return super().note_death(agent, item, death)
        error = (
            f"{death}. Lower --jobs or --batch-size if so; --resume continues from its last "
            "checkpoint."
        )
        console.error(f"{item.label} failed: {error}")
        result = ItemResult(outcome="failed", error=error)
        self.hear(item, result)
        self.deaths[item.id] = result
        ledger = self._folder.ledger
        ledger.refresh()
        holder = AgentEntries(ledger, "").state.held.get(item.id)
        if holder is not None:
            AgentEntries(ledger, holder).end(item.id, result)
        return len(self._begun) < self._num_runs

    def describe_stop(self, signal_number: int) -> InterruptedRunError:
        """All have saved what they were at."""
        return InterruptedRunError(
            f"stopped: {len(self._ended)} of {self._num_runs} runs have ended, the state of "
            f"{len(self._interrupted)} is saved. The same command with --resume continues from "
            "there.",
            signal_number=signal_number,
        )


def describe_death(state: StudyState, item_id: str) -> str | None:
    """Why a run over which an agent died is not tried again by its brothers, if one did."""
    if not state.items[item_id].num_lost:
        return None
    return "its process died. --resume continues from its last checkpoint."
