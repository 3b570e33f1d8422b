"""A study's work items carried out: each is performed by one process, in one call.

Paths in a plan are from the project's folder, which has to be the working folder.
"""

from __future__ import annotations

import contextlib
import os
import platform
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TextIO

from xlite import console
from xlite.errors import InterruptedRunError, RunInUseError
from xlite.executors.training_job import say_failure
from xlite.studies.item_result import ItemResult, ItemStart
from xlite.training.state import EpochReport
from xlite.workflows.study_caching import build_item
from xlite.workflows.study_finish import finish_item
from xlite.workflows.study_judging import judge_item
from xlite.workflows.study_looks import look_item
from xlite.workflows.study_training import train_item

if TYPE_CHECKING:
    from xlite.settings import Runtime
    from xlite.signals import StopRequest
    from xlite.studies.folder import StudyFolder
    from xlite.studies.study_plan import StudyPlan
    from xlite.studies.work_item import WorkItem

_Work = Callable[..., Iterator[ItemStart | EpochReport | ItemResult]]

_WORK: dict[str, _Work] = {
    "cache": build_item,
    "train": train_item,
    "judge": judge_item,
    "look": look_item,
    "finish": finish_item,
}


def perform(
    item: WorkItem, folder: StudyFolder, plan: StudyPlan, *, runtime: Runtime, stop: StopRequest
) -> Iterator[ItemStart | EpochReport | ItemResult]:
    """Do the work of an item; yields its start, a report after each epoch, and at last the result.

    What was done before is taken as it is, so that the
    same call may be made again at any time. What is said meanwhile is added to the item's log.
    What is wrong with the item is said and is the result, `failed`. Raises what may be otherwise
    next time: InterruptedRunError, everything saved, when `stop` was set, RunInUseError while
    another process is at the same work, and OSError, for a full disk say.
    """
    with (
        _open_log(item, folder) as log,
        contextlib.closing(_attempt(item, folder, plan, runtime=runtime, stop=stop)) as news,
    ):
        while True:
            # Between two reports the caller speaks, which is not of this run.
            with console.copied_to(log):
                one = next(news, None)
            if one is None:
                return
            yield one


def _attempt(
    item: WorkItem, folder: StudyFolder, plan: StudyPlan, *, runtime: Runtime, stop: StopRequest
) -> Generator[ItemStart | EpochReport | ItemResult]:
    run, epochs = None, 0
    try:
        for news in _WORK[item.kind](item, folder, plan, runtime=runtime, stop=stop):
            match news:
                case ItemStart():
                    run = news.run
                case EpochReport():
                    epochs = news.epochs_done
            yield news
    except (InterruptedRunError, RunInUseError, OSError):
        raise
    except Exception as error:  # noqa: BLE001  # whatever one item does, the study goes on
        message, _ = say_failure(item.id, error)
        yield ItemResult(outcome="failed", run=run, epochs=epochs, error=message)


@contextmanager
def _open_log(item: WorkItem, folder: StudyFolder) -> Iterator[TextIO | None]:
    """The item's log, to add to, a line that a sitting begins in it; None where none can be."""
    with contextlib.ExitStack() as stack:
        log = None
        # A study goes on where its log can't: what counts is in ledger and run folder.
        with contextlib.suppress(OSError):
            folder.logs.mkdir(parents=True, exist_ok=True)
            path = folder.log_of(item.id)
            log = stack.enter_context(path.open("a", encoding="utf-8", buffering=1))
            now = datetime.now(UTC).isoformat(timespec="seconds")
            log.write(f"{now} {item.id}, process {os.getpid()} on {platform.node()}\n")
        yield log
