"""How a queue begins or goes on: the runs of a command in the ledger of a study of their own."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from xlite.errors import InputError
from xlite.executors.agent_entries import AgentEntries
from xlite.executors.agent_life import AgentWatch, be_agent
from xlite.places import QUEUES
from xlite.studies.folder import StudyFolder
from xlite.studies.item_result import ItemResult
from xlite.studies.ledger_entries import Change, entry_time
from xlite.studies.plan_file import PlanSource
from xlite.studies.recorded_plan import read_state, texts_in_force
from xlite.studies.rules.next_step import END_DECISION
from xlite.studies.study_plan import StudyPlan
from xlite.studies.study_state import StudyState
from xlite.studies.training_queue import find_queue_root, render_queue
from xlite.workflows.study_beginning import PERSON, keep_copies, write_beginning


def begin_queue(
    plan: StudyPlan, *, left: Collection[str], ended: Mapping[str, ItemResult]
) -> StudyFolder:
    """The folder of a queue whose ledger says what is left of it, and what has ended before.

    left: the items that are to be done, also where the ledger has them as failed, or their runs
    are gone or were shorter. ended: the results of the others. What other agents are at stays
    theirs. Raises InputError for a ledger that is damaged or can't be written to.
    """
    folder, root = StudyFolder(plan.out / QUEUES / plan.name), find_queue_root(plan.out)
    source = PlanSource(Path("plan.toml"), render_queue(plan))
    try:
        is_known = folder.ledger.path_of(1).exists()
        if not is_known and write_beginning(folder, source, plan.name, root):
            keep_copies(folder, source)
        while (change := _find_change(read_state(folder), source, left)) is not None:
            if folder.ledger.append(change):
                keep_copies(folder, source, is_new=True)
        _catch_up(folder, ended)
    except InputError as error:
        raise InputError(
            f"{error} Of {folder.path} nothing is needed: what was trained is in "
            f"{plan.out / 'runs'}. Delete it to have it made anew."
        ) from None
    return folder


def _find_change(state: StudyState, source: PlanSource, left: Collection[str]) -> Change | None:
    """What has to be recorded before agents can do what is left."""
    invalid = [item for item in left if state.end_of(item) is not None]
    is_over = END_DECISION in state.decisions and bool(left)
    is_other = texts_in_force(state)[0] != source.text
    if not (invalid or is_over or is_other):
        return None
    return Change(
        at=entry_time(),
        agent=PERSON,
        plan=source.text,
        differences=["the command was given again"],
        invalid_items=invalid,
        invalid_decisions=[END_DECISION],
    )


def _catch_up(folder: StudyFolder, ended: Mapping[str, ItemResult]) -> None:
    """Enter the ends that are not in the ledger; set items free whose agents are gone."""
    with be_agent(folder.agents) as own:
        watch, entries = AgentWatch(own), AgentEntries(folder.ledger, own.name)
        for item, holder in entries.state.held.items():
            if watch.is_lost(holder, entries.claim_file(item)):
                # Not as lost: the command may have been killed with all of its agents, and that
                # is no reason not to try the run again.
                entries.release(item, reason="stopped", holder=holder)
                watch.forget(holder)
        for item, result in ended.items():
            state = entries.state
            while state.end_of(item) is None and not state.is_held(item):
                if entries.claim(item):
                    entries.end(item, result)
