"""An item of a study attempted: what goes wrong is its result, and what is said is in its log."""

from __future__ import annotations

import contextlib
import os
import platform
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TextIO

from xlite import console
from xlite.errors import (
    INTERNAL_ERROR,
    InterruptedRunError,
    LostProcessError,
    RunInUseError,
    XliteError,
    explain,
)
from xlite.studies.item_result import INTERNAL, ItemResult, ItemStart
from xlite.training.state import EpochReport

if TYPE_CHECKING:
    from xlite.studies.folder import StudyFolder
    from xlite.studies.work_item import WorkItem

_AGAIN = (
    "The item has failed for good: change its settings in the plan, and `xlite study run PLAN.toml "
    "--accept-change` does it anew."
)

Doing = Iterator[ItemStart | EpochReport | ItemResult]
"""The work of an item: its start, a report after each epoch, and at last the result."""


def attempt(
    item: WorkItem, doing: Doing, folder: StudyFolder, *, has_others: bool = False
) -> Doing:
    """Do the work of an item, and yield what it yields; what is said is added to the item's log.

    What is wrong with the item is said and is the result, `failed`. has_others: several processes
    train the run, and what is no XliteError is raised: they no longer agree on where they are.
    Raises what may be otherwise next time: InterruptedRunError, RunInUseError, OSError; and
    LostProcessError.
    """
    with (
        _open_log(item, folder) as log,
        contextlib.closing(
            _attempt(item, doing, has_others=has_others, resumes=folder.is_queue)
        ) as news,
    ):
        while True:
            # Between two reports the caller speaks, which is not of this run.
            with console.copied_to(log):
                one = next(news, None)
            if one is None:
                return
            yield one


def say_failure(item: WorkItem, error: Exception, *, resumes: bool) -> ItemResult:
    """The result of an item that an error ended, which is said in one line.

    resumes: whether the command has `--resume`, as a study has not.
    """
    message, exit_code = explain(error)
    if not resumes and isinstance(error, XliteError) and error.without_resume != message:
        message = f"{error.without_resume} {_AGAIN}"
    console.error(f"{item.label} failed: {message}")
    details = {INTERNAL: True} if exit_code == INTERNAL_ERROR else {}
    return ItemResult(outcome="failed", error=message, details=details)


def _attempt(
    item: WorkItem, doing: Doing, *, has_others: bool, resumes: bool
) -> Generator[ItemStart | EpochReport | ItemResult]:
    run, epochs = None, 0
    try:
        for news in doing:
            match news:
                case ItemStart():
                    run = news.run
                case EpochReport():
                    epochs = news.epochs_done
            yield news
    except (InterruptedRunError, LostProcessError, RunInUseError, OSError):
        raise
    except Exception as error:  # whatever one item does, the study goes on
        if has_others and not isinstance(error, XliteError):
            raise
        yield replace(say_failure(item, error, resumes=resumes), run=run, epochs=epochs)


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
