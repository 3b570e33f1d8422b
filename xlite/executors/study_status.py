"""Where a study stands; read from its ledger and its agents' folders, without torch."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from xlite import console
from xlite.errors import InputError
from xlite.executors.agent_life import AgentFolder, AgentProgress
from xlite.executors.queue_status import estimate_seconds_left, estimate_total
from xlite.results.study_status import OpenQuestion, StatusAgent, StatusItem, StudyStatus
from xlite.run_folder.lock import is_held
from xlite.studies.find_study import list_studies
from xlite.studies.folder import StudyFolder
from xlite.studies.next_step import Step
from xlite.studies.recorded_plan import RecordedPlan, read_state
from xlite.studies.study_state import ItemState, StudyState
from xlite.studies.summary.study import list_decisions


def read_study_status(study: str | Path) -> StudyStatus:
    """Where the study in a folder stands now. Nothing is changed.

    Raises InputError where none has begun there, and for a ledger that can't be read.
    """
    folder = StudyFolder(Path(study))
    state = read_state(folder)
    plan = RecordedPlan(folder)
    step = plan.find_step(state)
    agents = tuple(_list_agents(folder, state))
    items = _list_items(folder, state, step)
    winner = state.decisions.get("winner")
    waiting = [item.seconds_left for item in items if item.status in ("ready", "at work")]
    num_alive = sum(agent.is_alive for agent in agents)
    return StudyStatus(
        name=plan.of(state).name,
        folder=str(study),
        state=_find_state(step, state, num_alive=num_alive),
        items=items,
        agents=agents,
        decisions=tuple(list_decisions(state)),
        waiting_for=tuple(
            OpenQuestion(id=ask.id, question=ask.question, choices=tuple(ask.choices))
            for ask in step.waiting_for
        ),
        has_winner=winner is not None,
        winner=None if winner is None else winner.choice.get("id"),
        why="" if winner is None else winner.why,
        seconds_left=estimate_total(waiting, num_side_by_side=max(1, num_alive)),
    )


def read_studies(experiments: Path) -> list[StudyStatus]:
    """Where each study of an experiments folder stands; one that can't be read is said."""
    found = []
    for folder in list_studies(experiments):
        try:
            found.append(read_study_status(folder.path))
        except InputError as error:
            console.warn(f"the study {folder.path.name} is left out: {error}")
    return found


def _find_state(
    step: Step, state: StudyState, *, num_alive: int
) -> Literal["running", "stopped", "waiting", "ended"]:
    if step.is_ended:
        return "ended"
    if num_alive:
        return "running"
    is_work_left = step.ready or step.decisions or state.held
    return "waiting" if step.waiting_for and not is_work_left else "stopped"


def _list_agents(folder: StudyFolder, state: StudyState) -> Iterator[StatusAgent]:
    """Agents that live, and those whose items nobody has set free yet."""
    held = {agent: item for item, agent in state.held.items()}
    found = {path.name for path in folder.agents.iterdir()} if folder.agents.is_dir() else set()
    for name in sorted(found | set(held)):
        agent = AgentFolder(folder.agents / name)
        is_alive = is_held(agent.path)
        if is_alive or name in held:
            yield StatusAgent(
                name=name,
                host=agent.host,
                pid=agent.pid,
                is_alive=is_alive,
                item=held.get(name),
            )


def _list_items(folder: StudyFolder, state: StudyState, step: Step) -> tuple[StatusItem, ...]:
    """Items in the order in which they were first taken on, then those that are ready."""
    ready = {item.id: item for item in step.ready}
    known = {
        name: _describe_taken(folder, name, item)
        for name, item in state.items.items()
        if item.holder is not None or item.end is not None
    }
    for name, item in ready.items():
        until = item.settings.epochs if item.settings is not None else None
        known[name] = {"status": "ready", "epochs": item.until_epoch or until}
        if name in state.items:
            known[name]["times_lost"] = state.items[name].num_lost
    elapsed = {name: one.get("seconds", 0.0) + one.pop("since", 0.0) for name, one in known.items()}
    paces = {
        name: {"epochs": None, "epochs_done": 0, "seconds": 0.0} | one
        for name, one in known.items()
        if one["status"] != "failed"
    }
    left = estimate_seconds_left(paces, elapsed)
    return tuple(
        StatusItem(
            id=name,
            seconds_left=left[name] if one["status"] in ("ready", "at work") else None,
            **{**one, "seconds": elapsed[name]},
        )
        for name, one in known.items()
    )


def _describe_taken(folder: StudyFolder, name: str, item: ItemState) -> dict[str, Any]:
    """The fields of an item that is held or has ended, and the seconds `since` its report."""
    end = item.end
    if end is not None:
        return {
            "status": end.outcome,
            "run": end.run,
            "epochs_done": end.epochs,
            "epochs": end.epochs or None,
            "seconds": end.seconds,
            "error": end.error,
        }
    assert item.holder is not None
    progress = AgentFolder(folder.agents / item.holder).read_progress(name, item.claim)
    at_work: dict[str, Any] = {
        "status": "at work",
        "agent": item.holder,
        "times_lost": item.num_lost,
    }
    return at_work if progress is None else {**at_work, **_describe_progress(progress)}


def _describe_progress(progress: AgentProgress) -> dict[str, Any]:
    return {
        "run": progress.run,
        "epochs_done": progress.epochs_done,
        "epochs": progress.epochs,
        "best_val_auroc": progress.best_val_auroc,
        "seconds": progress.seconds,
        "since": max(0.0, time.time() - progress.updated),
    }
