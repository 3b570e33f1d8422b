"""Studies from a plan file, carried out by agents on this machine."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from xlite import console
from xlite.executors.agent import WorkEnd, work
from xlite.executors.study_status import read_study_status
from xlite.executors.study_view import StudyView
from xlite.signals import StopRequest, StopSource, heed_no_signals
from xlite.studies.folder import StudyFolder
from xlite.studies.recorded_plan import RecordedPlan, find_root, read_state
from xlite.studies.rules.next_step import describe_loss
from xlite.workflows.study_beginning import begin_study
from xlite.workflows.study_folder import find_experiments
from xlite.workflows.study_record import record_in_log

if TYPE_CHECKING:
    from xlite.executors.agent import ItemNews, Listener
    from xlite.results.study_status import StudyStatus
    from xlite.settings import Runtime
    from xlite.studies.item_result import ItemResult, ItemStart
    from xlite.studies.next_step import Step
    from xlite.studies.study_state import StudyState
    from xlite.studies.work_item import WorkItem
    from xlite.training.state import EpochReport

_MOST_READY = 100
"""Of these an agent takes the first one that no other process trains; to find all costs time."""


def run_study_plan(
    plan: str | Path,
    *,
    out: str | Path | None = None,
    jobs: int | None = None,
    device: str | None = None,
    num_workers: int | None = None,
    accept_change: bool = False,
    stopping: StopSource = heed_no_signals,
) -> StudyStatus:
    """Where the study of a plan file stands, once it has ended or waits for a person.

    It begins in `out/studies/NAME`, or goes on from wherever it is there. jobs: agents that work
    on this machine, each a process if they are several. jobs, device, num_workers: instead of the
    plan's.
    out: None for the plan's. accept_change: the plan was edited since the study began: record that,
    and do anew what it makes invalid. Items that fail are in what is returned. Raises InputError
    for an edited plan without that, and what `work_on_study` raises.
    """
    folder = begin_study(plan, out, accept_change=accept_change)
    if jobs is None:
        jobs = RecordedPlan(folder).of(read_state(folder)).runtime.jobs
    return work_on_study(
        folder.path, jobs=jobs, device=device, num_workers=num_workers, stopping=stopping
    )


def work_on_study(
    study: str | Path,
    *,
    jobs: int = 1,
    device: str | None = None,
    num_workers: int | None = None,
    stopping: StopSource = heed_no_signals,
) -> StudyStatus:
    """Where the study in a folder stands, once it has ended or waits for a person.

    Any number of processes on any machines may do this at a time. Meanwhile the working folder of
    this process is the one that the plan's paths start from. Raises InterruptedRunError, all being
    saved, once what `stopping` gives is set; InputError for a study that can't be read or written;
    OSError for a full disk.
    """
    folder = StudyFolder(Path(study).resolve())
    read_state(folder)
    for name in folder.ledger.find_foreign():
        console.warn(f"{folder.ledger.folder} holds {name}, which is no entry; it is left alone")
    agent = partial(take_part, folder.path, device=device, num_workers=num_workers)
    if jobs > 1:
        from xlite.executors.agent_crew import work_side_by_side
        from xlite.executors.study_crew import StudyParent

        with StudyParent() as parent:
            work_side_by_side(agent, jobs=jobs, stopping=stopping, parent=parent)
    else:
        agent(stopping=stopping)
    record_in_log(folder)
    return read_study_status(study)


def take_part(
    study: Path,
    *,
    device: str | None,
    num_workers: int | None,
    stopping: StopSource,
    listener: Listener | None = None,
) -> WorkEnd:
    """Be one agent of a study until it has ended or waits for a person; see `work_on_study`.

    listener: is told what comes of each item, too.
    """
    folder = StudyFolder(study)
    state = read_state(folder)
    changes = {"device": device, "num_workers": num_workers, "jobs": 1}
    hands = _Hands(folder, {name: value for name, value in changes.items() if value is not None})
    with contextlib.chdir(find_root(folder, state)):
        plan = hands.plan.of(state)
        # As `train` is given it, where the study is in the working folder.
        view = StudyView(find_experiments(folder))

        def listen(item: WorkItem, news: ItemNews) -> None:
            view(item, news)
            if listener is not None:
                listener(item, news)

        return work(
            folder,
            listener=listen,
            find_step=hands.find_step,
            perform=hands.perform,
            describe_loss=describe_loss,
            rest_seconds=max(plan.rest_seconds, plan.runtime.pause_seconds),
            stopping=stopping,
        )


class _Hands:
    """What an agent does by a study's plan, whichever is in force."""

    def __init__(self, folder: StudyFolder, changes: dict[str, object]) -> None:
        self.folder, self.plan, self._changes = folder, RecordedPlan(folder), changes
        self._state: StudyState | None = None

    def find_step(self, state: StudyState) -> Step:
        """What can be done now, as far as an agent looks for a run that nobody else trains."""
        self._state = state
        return self.plan.find_step(state, most_ready=_MOST_READY)

    def perform(
        self, item: WorkItem, stop: StopRequest
    ) -> Iterator[ItemStart | EpochReport | ItemResult]:
        """Do an item that `find_step` has found."""
        # Imported late: it takes seconds.
        from xlite.workflows.study_items import perform

        assert self._state is not None
        plan = self.plan.of(self._state)
        runtime: Runtime = plan.runtime.model_copy(update=self._changes)
        yield from perform(item, self.folder, plan, runtime=runtime, stop=stop)
