"""An agent: a process that takes a study's items on, one at a time, until nothing is left.

Any number of them, on any machines that see the study's folder, do a study together: whatever they
agree on is an entry of the ledger, and each entry was written in sight of all before it. An agent
knows no rules: what can be done now, and how an item is done, are given to it.
"""

from __future__ import annotations

import errno
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Union

from xlite import console
from xlite.errors import (
    InputError,
    InternalError,
    InterruptedRunError,
    LostProcessError,
    RunInUseError,
    explain,
)
from xlite.executors.agent_entries import AgentEntries
from xlite.executors.agent_life import AgentFolder, AgentProgress, AgentWatch, be_agent
from xlite.executors.agent_words import StudyWords
from xlite.signals import StopRequest, StopSource, heed_no_signals
from xlite.studies.folder import StudyFolder
from xlite.studies.item_result import ItemResult, ItemStart, Perform
from xlite.studies.next_step import Step
from xlite.studies.study_plan import Ask
from xlite.studies.study_state import StudyState
from xlite.studies.work_item import WorkItem

if TYPE_CHECKING:
    from xlite.training.state import EpochReport

_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.2, 5.0
_BUSY_SECONDS = 10.0
"""Until a run is tried again that another process trains."""
_FAULTS_OF_PLACE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.ESTALE)
"""What is wrong with a machine or its disks, and not with the item."""

ItemNews = Union[ItemStart, "EpochReport", ItemResult, None]
"""What comes of an item that an agent does; None where that was interrupted."""

Listener = Callable[[WorkItem, ItemNews], None]
"""Is told what comes of an item that the agent does."""


@dataclass(frozen=True, kw_only=True)
class WorkEnd:
    """Why an agent has nothing left to do."""

    state: StudyState
    waiting_for: tuple[Ask, ...] = ()
    """The questions that all the rest waits for; none once the study has ended."""

    @property
    def is_ended(self) -> bool:
        """Whether the study has."""
        return not self.waiting_for


def work(
    folder: StudyFolder,
    *,
    find_step: Callable[[StudyState], Step],
    perform: Perform,
    describe_loss: Callable[[StudyState, str], str | None] = lambda *_: None,
    listener: Listener = lambda *_: None,
    words: StudyWords | None = None,
    waiting: Callable[[], None] = lambda: None,
    rest_seconds: float = 0.0,
    stopping: StopSource = heed_no_signals,
) -> WorkEnd:
    """Do the study's items until it has ended or waits for a person alone; returns which.

    find_step: what can be done in a state; a pure function. describe_loss: why an item (its id)
    that cost agents their lives is not to be tried again, if so. words: what is said meanwhile;
    None for a study's. waiting: called every few seconds while nothing can be done. rest_seconds:
    between two runs that this agent trains. Once what `stopping` gives is set the item is saved and
    set free, and InterruptedRunError raised. Raises InputError for a ledger that can't be read or
    written, OSError for a disk that is full, InternalError for a fault in the rules; the item is
    set free, and other agents go on.
    """
    folder.require_begun()
    with be_agent(folder.agents) as own, stopping() as stop:
        return _Agent(
            folder=folder,
            own=own,
            find_step=find_step,
            perform=perform,
            describe_loss=describe_loss,
            listener=listener,
            words=words or StudyWords(folder.path),
            waiting=waiting,
            rest_seconds=rest_seconds,
            stop=stop,
        ).work()


@dataclass(kw_only=True)
class _Agent:
    folder: StudyFolder
    own: AgentFolder
    find_step: Callable[[StudyState], Step]
    perform: Perform
    describe_loss: Callable[[StudyState, str], str | None]
    listener: Listener
    words: StudyWords
    waiting: Callable[[], None]
    rest_seconds: float
    stop: StopRequest
    _step: Step = field(default_factory=Step)
    _not_before: dict[str, float] = field(default_factory=dict)
    """By item: when a run may be tried again, by this process's clock."""
    _rested_at: float = 0.0
    _has_trained: bool = False
    """Since its last rest."""

    def __post_init__(self) -> None:
        self.watch = AgentWatch(self.own)
        self.entries = AgentEntries(self.folder.ledger, self.own.name)

    @property
    def state(self) -> StudyState:
        """Where the study stands, as far as this agent knows."""
        return self.entries.state

    def work(self) -> WorkEnd:
        """Do what can be done until nothing is left; see `work`."""
        num_seen, pause = -1, _SHORTEST_PAUSE
        while True:
            self.entries.refresh()
            if self.state.num_entries != num_seen:
                self._step, num_seen = self._find_step(), self.state.num_entries
                pause = _SHORTEST_PAUSE
            step = self._step
            # First of all: a search would be given another trial in the place of what is lost.
            if self._set_lost_free():
                continue
            if step.decisions:
                due = step.decisions[0]
                if self.entries.record(due):
                    self.words.say_decision(due)
            elif (item := self._choose(step)) is not None:
                self._end_if_asked()
                if self.entries.claim(item.id):
                    self._do(item)
            elif (end := self._find_end(step)) is not None:
                return end
            else:
                self._end_if_asked()
                self._wait(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)

    def _find_step(self) -> Step:
        try:
            return self.find_step(self.state)
        except InputError:
            raise
        except Exception as error:
            raise InternalError(explain(error)[0]) from error

    def _set_lost_free(self) -> bool:
        """Set the items of agents that died free; whether there was one."""
        for item, holder in self.state.held.items():
            if holder == self.own.name or not self.watch.is_lost(
                holder, self.entries.claim_file(item)
            ):
                continue
            progress = AgentFolder(self.folder.agents / holder).read_progress(
                item, self.state.items[item].claim
            )
            epochs = 0 if progress is None else progress.num_reports
            if self.entries.release(item, reason="lost", holder=holder, epochs=epochs):
                console.say(f"{item}: agent {holder} is gone, the item is free again")
                self.watch.forget(holder)
            return True
        return False

    def _choose(self, step: Step) -> WorkItem | None:
        """The first ready item that may be begun now; None where there is none."""
        now = time.monotonic()
        for item in step.ready:
            if now < self._not_before.get(item.id, 0.0):
                continue
            if item.kind == "train" and self._has_trained and self.rest_seconds:
                console.say(f"resting {self.rest_seconds:g} s before {item.label}")
                self._has_trained, self._rested_at = False, now + self.rest_seconds
            if item.kind != "train" or now >= self._rested_at:
                return item
        return None

    def _find_end(self, step: Step) -> WorkEnd | None:
        if step.ready or self.state.held:
            return None
        if not step.is_ended and not step.waiting_for:
            raise InternalError(
                f"the study in {self.folder.path} has not ended, and its rules find nothing to do."
            )
        return WorkEnd(state=self.state, waiting_for=() if step.is_ended else step.waiting_for)

    def _do(self, item: WorkItem) -> None:
        """Do an item that this agent holds, and write down how it ended."""
        loss = self.describe_loss(self.state, item.id)
        if loss is not None:
            self._write_end(item, ItemResult(outcome="failed", error=loss))
            return
        try:
            result = self._perform(item)
        except RunInUseError as error:
            console.say(f"{item.label}: {error}")
            self._not_before[item.id] = time.monotonic() + _BUSY_SECONDS
            self._let_go(item)
        except InterruptedRunError as error:
            self._let_go(item)
            raise self.words.describe_interruption(error) from None
        except LostProcessError as error:
            with suppress(InputError):
                self._let_go(item)
            raise self.words.describe_lost_process(error) from error.__cause__
        except BaseException:  # Ctrl-C, too: the item must not stay this agent's
            # On a full disk the ledger may take no entry either: then others find that this agent
            # is gone.
            with suppress(InputError):
                self._let_go(item)
            raise
        else:
            self._write_end(item, result)

    def _perform(self, item: WorkItem) -> ItemResult:
        try:
            return self._follow(item)
        except (InterruptedRunError, LostProcessError, RunInUseError):
            raise
        except Exception as error:  # whatever one item does, the others go on
            if isinstance(error, OSError) and error.errno in _FAULTS_OF_PLACE:
                raise
            message, _ = explain(error)
            console.error(f"{item.label} failed: {message}")
            return ItemResult(outcome="failed", error=message)

    def _follow(self, item: WorkItem) -> ItemResult:
        """Do the item and pass on what comes of it, until its result."""
        progress = AgentProgress(
            item=item.id,
            claim=self.state.items[item.id].claim,
            epochs=item.until_epoch or (None if item.settings is None else item.settings.epochs),
            updated=self.watch.now(),
        )
        for news in self.perform(item, self.stop):
            if isinstance(news, ItemResult):
                return news
            self.listener(item, news)
            if isinstance(news, ItemStart):
                changes: dict[str, object] = {"run": news.run}
            else:
                self._has_trained = True
                changes = {
                    "epochs_done": news.epochs_done,
                    "best_val_auroc": news.best_val_auroc,
                    "seconds": news.seconds,
                    "num_reports": progress.num_reports + 1,
                }
            progress = progress.model_copy(update={**changes, "updated": self.watch.now()})
            self.own.write_progress(progress)
        raise RuntimeError(f"{item.id} ended without a result")

    def _let_go(self, item: WorkItem) -> None:
        self.listener(item, None)
        self.entries.release(item.id, reason="stopped")

    def _write_end(self, item: WorkItem, result: ItemResult) -> None:
        if not self.entries.end(item.id, result):
            console.say(f"{item.label}: is no longer this agent's, which was silent for too long")
            return
        self.listener(item, result)
        self.words.say_end(item, result, self.state)

    def _wait(self, seconds: float) -> None:
        self.waiting()
        now = time.monotonic()
        deadline = now + seconds
        if now < self._rested_at:
            deadline = min(deadline, self._rested_at)
        while not self.stop and time.monotonic() < deadline:
            time.sleep(_SHORTEST_PAUSE)

    def _end_if_asked(self) -> None:
        if self.stop:
            before = next(iter(self._step.ready), None)
            raise self.words.describe_stop(self.stop.signal_number or 0, before)
