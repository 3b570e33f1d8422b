"""What agents cost beside their work: two hundred items of no work at all, and waiting."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

from executors import toy_study

from xlite.errors import InterruptedRunError
from xlite.executors.agent import work
from xlite.executors.agent_life import be_agent
from xlite.executors.study_status import read_study_status
from xlite.signals import StopRequest
from xlite.studies.folder import StudyFolder
from xlite.studies.item_result import ItemResult
from xlite.studies.ledger_entries import Begin, Claim, Score, entry_time
from xlite.studies.next_step import Step
from xlite.studies.recorded_plan import RecordedPlan
from xlite.studies.work_item import WorkItem

MOST_SECONDS = 20.0
MOST_IDLE = 0.02


def plan_of(num_experiments: int, num_seeds: int) -> str:
    text = f'name = "many"\nseeds = {list(range(num_seeds))}\n[settings]\nmodel = "test_resnet"\n'
    for number in range(num_experiments):
        text += f'[[experiment]]\nid = "E{number}"\nset = {{lr = {1e-5 * (number + 1):.2e}}}\n'
    return text


def finish(item: WorkItem, stop: StopRequest) -> Iterator[ItemResult]:
    run = f"runs/{item.id.replace(':', '-')}" if item.kind == "train" else None
    yield ItemResult(outcome="finished", run=run, scores={"val.auroc": Score(point=0.5)})


def test_two_hundred_items_of_no_work_take_seconds(tmp_path: Path) -> None:
    folder = StudyFolder(tmp_path / "studies" / "many")
    folder.ledger.append(
        Begin(at=entry_time(), agent="person", name="many", plan=plan_of(40, 5), root="../..")
    )
    started = time.monotonic()
    end = work(folder, find_step=RecordedPlan(folder).find_step, perform=finish)
    seconds = time.monotonic() - started
    assert len(end.state.items) == 200
    assert seconds < MOST_SECONDS
    assert read_study_status(folder.path).state == "ended"


def test_an_agent_that_waits_costs_next_to_nothing(tmp_path: Path) -> None:
    folder = toy_study.begin(tmp_path)
    item = toy_study.item_of(0)
    stop = StopRequest()
    used: list[float] = []

    def wait_for_another(state: object) -> Step:
        return Step()

    def be_idle() -> None:
        started, cpu = time.monotonic(), time.thread_time()
        try:
            work(
                StudyFolder(folder.path),
                find_step=wait_for_another,
                perform=finish,
                stopping=lambda: _Given(stop),
            )
        except InterruptedRunError:
            used.append((time.thread_time() - cpu) / (time.monotonic() - started))

    with be_agent(folder.agents) as other:
        folder.ledger.append(Claim(at=entry_time(), agent=other.name, item=item.id))
        idle = threading.Thread(target=be_idle)
        idle.start()
        time.sleep(8)
        stop.receive(15, None)
        idle.join()
    assert used[0] < MOST_IDLE


class _Given:
    """A context that gives what it was made with."""

    def __init__(self, stop: StopRequest) -> None:
        self.stop = stop

    def __enter__(self) -> StopRequest:
        return self.stop

    def __exit__(self, *_: object) -> None:
        pass
