"""One agent: it does what is ready, says what came of it, and lets go of what it can't do."""

from __future__ import annotations

import errno
import os
import platform
import shutil
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import executors.toy_study as toy
import pytest
from filelock import FileLock

from xlite.errors import InputError, InternalError, InterruptedRunError, RunInUseError
from xlite.executors import agent as agents
from xlite.executors.agent import work
from xlite.executors.agent_life import AgentFolder, AgentWatch, be_agent
from xlite.run_folder.signs_of_life import LOCK_RECORD
from xlite.signals import StopRequest
from xlite.studies.folder import StudyFolder
from xlite.studies.item_result import ItemResult, ItemStart
from xlite.studies.ledger_entries import Claim, Decision, End, Release, entry_time
from xlite.studies.next_step import Step
from xlite.studies.study_plan import Ask
from xlite.studies.study_state import StudyState
from xlite.studies.work_item import WorkItem
from xlite.training.state import EpochReport

HERE = platform.node()


@pytest.fixture
def folder(tmp_path: Path) -> StudyFolder:
    return toy.begin(tmp_path)


def finish(item: WorkItem, stop: StopRequest) -> Iterator[ItemResult]:
    yield ItemResult(outcome="finished", scores={})


def read_state(folder: StudyFolder) -> StudyState:
    folder.ledger.refresh()
    return StudyState.of(folder.ledger.entries)


def claim_by(folder: StudyFolder, name: str, number: int = 0) -> None:
    folder.ledger.refresh()
    folder.ledger.append(Claim(at=entry_time(), agent=name, item=toy.item_of(number).id))


def one_item(state: StudyState) -> Step:
    item = toy.item_of(0)
    if state.end_of(item.id):
        return Step(is_ended=True)
    return Step(ready=() if state.is_held(item.id) else (item,))


def test_an_agent_does_all_items_and_records_all_decisions(folder: StudyFolder) -> None:
    end = toy.take_part(folder, 10)
    assert end.is_ended
    entries = list(folder.ledger.entries)
    assert sum(isinstance(entry, Claim) for entry in entries) == 10
    assert sum(isinstance(entry, End) for entry in entries) == 10
    decisions = [entry for entry in entries if isinstance(entry, Decision)]
    assert [decision.subject for decision in decisions] == ["rule:0", "rule:4", "rule:8"]
    # A decision names what it saw, and comes before what follows from it.
    for decision in decisions:
        assert all(isinstance(entries[number - 1], End) for number in decision.saw)
    assert not list(folder.agents.iterdir()), "an agent that ends leaves no folder"
    assert end.state.end_of("train:toy/0:s0").run == "runs/train_toy_0_s0"  # type: ignore[union-attr]


def test_an_item_that_raises_has_failed_and_the_others_go_on(folder: StudyFolder) -> None:
    def fail(item: WorkItem, stop: StopRequest) -> Iterator[ItemResult]:
        raise InputError("its weights are of another model.")
        yield

    assert work(folder, find_step=one_item, perform=fail).is_ended
    end = read_state(folder).end_of("train:toy/0:s0")
    assert end is not None
    assert (end.outcome, end.error) == ("failed", "its weights are of another model.")


@pytest.mark.parametrize(
    "error",
    [
        InterruptedRunError("stopped", signal_number=15),
        KeyboardInterrupt(),
        OSError(errno.ENOSPC, "No space left on device"),
    ],
)
def test_what_may_be_better_next_time_sets_the_item_free(
    folder: StudyFolder, error: BaseException
) -> None:
    def stop_here(item: WorkItem, stop: StopRequest) -> Iterator[ItemResult]:
        raise error
        yield

    with pytest.raises(type(error)) as raised:
        work(folder, find_step=one_item, perform=stop_here)
    if isinstance(error, InterruptedRunError):
        assert raised.value.exit_code == 143
        assert "xlite study work" in str(raised.value)
    release = folder.ledger.entries[-1]
    assert isinstance(release, Release)
    assert release.reason == "stopped"
    assert work(folder, find_step=one_item, perform=finish).is_ended


def test_a_full_disk_leaves_the_item_to_be_found_free(
    folder: StudyFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill(item: WorkItem, stop: StopRequest) -> Iterator[ItemResult]:
        def no_space(*_: object) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(os, "fsync", no_space)
        yield ItemResult(outcome="finished")

    with pytest.raises(InputError, match=r"ledger can't be written to: No space"):
        work(folder, find_step=one_item, perform=fill)
    monkeypatch.undo()
    assert {path.name for path in folder.ledger.folder.iterdir()} == {"000001.json", "000002.json"}
    # The agent is gone, and its claim does not outlive it.
    started = time.monotonic()
    assert work(StudyFolder(folder.path), find_step=one_item, perform=finish).is_ended
    assert time.monotonic() - started < 5
    assert read_state(folder).items["train:toy/0:s0"].num_lost == 1


def test_a_run_that_another_process_trains_is_waited_for(
    folder: StudyFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agents, "_BUSY_SECONDS", 0.5)
    tries = []

    def refuse_once(item: WorkItem, stop: StopRequest) -> Iterator[ItemResult]:
        tries.append(time.monotonic())
        if len(tries) == 1:
            raise RunInUseError("process 1 on elsewhere has been training runs/x.")
        yield ItemResult(outcome="finished")

    assert work(folder, find_step=one_item, perform=refuse_once).is_ended
    assert tries[1] - tries[0] >= 0.5
    assert read_state(folder).items["train:toy/0:s0"].num_lost == 0


def test_a_fault_in_a_rule_is_ours_and_ends_the_agent_alone(folder: StudyFolder) -> None:
    def divide(state: StudyState) -> Step:
        raise ZeroDivisionError("division by zero")

    with pytest.raises(InternalError, match="ZeroDivisionError"):
        work(folder, find_step=divide, perform=finish)
    with pytest.raises(InternalError, match="find nothing to do"):
        work(folder, find_step=lambda _: Step(), perform=finish)
    assert len(folder.ledger.entries) == 1


def test_a_question_ends_the_agent_once_nothing_else_is_to_be_done(folder: StudyFolder) -> None:
    ask = Ask(id="choose", question="which?", choices={})

    def then_ask(state: StudyState) -> Step:
        step = one_item(state)
        return Step(waiting_for=(ask,)) if step.is_ended else step

    end = work(folder, find_step=then_ask, perform=finish)
    assert not end.is_ended
    assert end.waiting_for == (ask,)


def test_an_agent_rests_between_two_runs(folder: StudyFolder) -> None:
    begun = []

    def perform(item: WorkItem, stop: StopRequest) -> Iterator[ItemResult]:
        begun.append(time.monotonic())
        yield from toy.perform(folder.experiments, 0.0, item, stop)

    work(folder, find_step=partial(toy.find_step, 2), perform=perform, rest_seconds=0.6)
    assert begun[1] - begun[0] >= 0.6


def test_an_agent_rests_before_a_run_and_only_after_one_that_it_trained(
    folder: StudyFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    def perform(
        item: WorkItem, stop: StopRequest
    ) -> Iterator[ItemStart | EpochReport | ItemResult]:
        for news in toy.perform(folder.experiments, 0.0, item, stop):
            # The second run was trained before, and is taken as it is.
            if "toy/1" not in item.id or isinstance(news, ItemResult):
                yield news

    work(folder, find_step=partial(toy.find_step, 3), perform=perform, rest_seconds=0.3)
    said = [line for line in capsys.readouterr().err.splitlines() if "resting" in line]
    assert said == ["resting 0.3 s before train:toy/1:s0"]


def test_items_of_an_agent_of_this_host_that_died_are_free_at_once(folder: StudyFolder) -> None:
    claim_by(folder, f"{HERE}-4711-0000")
    started = time.monotonic()
    assert toy.take_part(folder, 4).is_ended
    assert time.monotonic() - started < 5
    assert read_state(folder).items["train:toy/0:s0"].num_lost == 1


def test_an_item_that_three_agents_died_over_has_failed(folder: StudyFolder) -> None:
    for number in range(3):
        claim_by(folder, f"{HERE}-{number}-0000")
        entry = {"item": "train:toy/0:s0", "holder": f"{HERE}-{number}-0000", "reason": "lost"}
        folder.ledger.append(Release(at=entry_time(), agent="x", **entry))  # type: ignore[arg-type]
    work(folder, find_step=one_item, perform=finish, describe_loss=toy.describe_loss)
    end = read_state(folder).end_of("train:toy/0:s0")
    assert end is not None
    assert end.outcome == "failed"
    assert "lost 3 times" in (end.error or "")


def test_agents_that_died_between_epochs_are_not_counted(folder: StudyFolder) -> None:
    for number in range(5):
        name = f"{HERE}-{number}-0000"
        claim_by(folder, name)
        claim = len(folder.ledger.entries)
        progress = agents.AgentProgress(
            item="train:toy/0:s0", claim=claim, num_reports=number % 2, updated=0.0
        )
        (folder.agents / name).mkdir(parents=True)
        AgentFolder(folder.agents / name).write_progress(progress)

        def stop_here(item: WorkItem, stop: StopRequest) -> Iterator[ItemResult]:
            raise KeyboardInterrupt
            yield

        with pytest.raises(KeyboardInterrupt):
            work(folder, find_step=one_item, perform=stop_here)
    assert read_state(folder).items["train:toy/0:s0"].num_lost == 1


def test_the_folder_of_an_agent_that_died_here_goes(folder: StudyFolder) -> None:
    name = f"{HERE}-4711-0000"
    (folder.agents / name).mkdir(parents=True)
    claim_by(folder, name)
    assert toy.take_part(folder, 1).is_ended
    assert not list(folder.agents.iterdir())


def test_an_agent_whose_folder_was_deleted_goes_on(folder: StudyFolder) -> None:
    def delete(item: WorkItem, stop: StopRequest) -> Iterator[ItemResult]:
        shutil.rmtree(folder.agents)
        yield from toy.perform(folder.experiments, 0.0, item, stop)

    assert work(folder, find_step=one_item, perform=delete).is_ended
    assert read_state(folder).items["train:toy/0:s0"].status == "finished"


class Elsewhere:
    """An agent of another host, as its folder shows it."""

    def __init__(self, folder: StudyFolder) -> None:
        self.folder = folder
        self.name = "elsewhere-1-0000"
        self.record = folder.agents / self.name / LOCK_RECORD
        self.record.parent.mkdir(parents=True)
        self.record.write_text("{}")
        claim_by(folder, self.name)
        self.claim = folder.ledger.path_of(len(folder.ledger.entries))

    def stamp(self, path: Path, seconds_ago: float) -> None:
        then = time.time() - seconds_ago
        os.utime(path, (then, then))

    def is_lost(self, watch: AgentWatch) -> bool:
        watch._next_look.clear()
        return watch.is_lost(self.name, self.claim)


def test_an_agent_of_another_host_is_lost_once_it_is_silent(folder: StudyFolder) -> None:
    other = Elsewhere(folder)
    with be_agent(folder.agents) as own:
        watch = AgentWatch(own)
        assert not other.is_lost(watch)
        other.stamp(other.claim, 3600)
        other.stamp(other.record, 170)
        assert not other.is_lost(watch)
        other.stamp(other.record, 190)
        assert other.is_lost(watch)
        # Its claim is as good a sign of life, and all there is of one whose folder is gone.
        other.stamp(other.claim, 10)
        assert not other.is_lost(watch)
        other.record.unlink()
        assert not other.is_lost(watch)
        other.stamp(other.claim, 190)
        assert other.is_lost(watch)


def test_silence_is_measured_by_the_file_servers_clock(
    folder: StudyFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Elsewhere(folder)
    with be_agent(folder.agents) as own:
        for hours in (-1, 1):
            monkeypatch.setattr(time, "time", lambda by=hours * 3600, real=time.time: real() + by)
            assert not other.is_lost(AgentWatch(own))
            monkeypatch.undo()


def test_signs_of_life_from_the_future_are_watched(
    folder: StudyFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Elsewhere(folder)
    with be_agent(folder.agents) as own:
        watch = AgentWatch(own)
        other.stamp(other.record, -3600)
        assert not other.is_lost(watch)
        real = time.monotonic
        monkeypatch.setattr(time, "monotonic", lambda: real() + 170)
        assert not other.is_lost(watch)
        monkeypatch.setattr(time, "monotonic", lambda: real() + 190)
        assert other.is_lost(watch)
        other.stamp(other.record, -3605)
        assert not other.is_lost(watch), "it has given another sign"


def test_the_progress_of_an_agent_is_there_to_be_read(folder: StudyFolder) -> None:
    seen = []

    def listen(item: WorkItem, news: object) -> None:
        if isinstance(news, EpochReport) and news.epochs_done == 2:
            holder = read_state(folder).items[item.id]
            other = AgentFolder(folder.agents / str(holder.holder))
            seen.append(other.read_progress(item.id, holder.claim))

    reader = StudyFolder(folder.path)
    work(
        reader,
        find_step=one_item,
        perform=partial(toy.perform, folder.experiments, 0.0),
        listener=listen,
    )
    assert seen[0] is not None
    assert (seen[0].run, seen[0].epochs_done) == ("runs/train_toy_0_s0", 1)


def test_progress_that_is_damaged_ends_no_other_agent(tmp_path: Path) -> None:
    with be_agent(tmp_path) as own:
        (own.path / "progress.json").write_text('{"item": "tra')
        assert AgentFolder(own.path).read_progress("train:toy/0:s0", 2) is None


def test_an_agent_begins_although_another_process_looks_whether_it_lives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    acquire = FileLock.acquire

    def look_first(lock: FileLock, *args: Any, **options: Any) -> Any:
        monkeypatch.setattr(FileLock, "acquire", acquire)
        looking = FileLock(lock.lock_file, thread_local=False)
        looking.acquire()
        threading.Timer(0.1, looking.release).start()
        return lock.acquire(*args, **options)

    monkeypatch.setattr(FileLock, "acquire", look_first)
    with be_agent(tmp_path / "agents") as own:
        assert own.path.is_dir()
