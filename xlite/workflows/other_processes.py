"""The processes that train each run of a queue together with the main one, which leads them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from xlite.errors import LostProcessError, XliteError, explain
from xlite.studies.item_result import ItemResult
from xlite.studies.work_item import WorkItem
from xlite.training.processes import share_from_main
from xlite.workflows.item_attempt import Doing

_SECONDS_UNTOLD = 60.0
"""Far below the ten minutes after which NCCL, and the thirty after which gloo gives up."""


class OtherProcesses:
    """Has the others do what the main process does, and end as it ends; with none, nothing."""

    def __init__(self, *, are_there: bool) -> None:
        """are_there: whether several processes train each run."""
        self.are_there = are_there
        self._are_apart = False
        """Whether they may be within a step that this process has left."""
        self._told_at = time.monotonic()

    def tell(self, told: object) -> None:
        """Tell them what to do, how it has ended, or, None, to wait on.

        Raises LostProcessError where they can't hear it any more.
        """
        if self._are_apart:
            raise LostProcessError(
                "this process left a step that others were in, so all of them end; the last "
                "checkpoint is good.",
                resume="Pass --resume.",
            )
        if not self.are_there:
            return
        self._are_apart = True  # if this fails
        share_from_main(told)
        self._are_apart = False
        self._told_at = time.monotonic()

    def tell_error(self, error: Exception) -> None:
        """Tell them what ends the command, if they can hear it."""
        if not self._are_apart:
            self.tell(error if isinstance(error, XliteError) else _restate(error))

    def keep_waiting(self) -> None:
        """Called at least every few seconds while nothing is to be done: none may wait in vain."""
        if time.monotonic() - self._told_at >= _SECONDS_UNTOLD:
            self.tell(None)

    def listen(self) -> Iterator[Any]:
        """In one of the others: what the main process tells; the last is no item."""
        while True:
            told = share_from_main(None)
            if told is not None:
                yield told
            if told is not None and not isinstance(told, WorkItem):
                return

    def join_in(self, doing: Doing) -> Doing:
        """The work of an item, which they do too; what ends it here alone is LostProcessError."""
        self._are_apart = self.are_there
        try:
            for news in doing:
                self._are_apart = self.are_there and not isinstance(news, ItemResult)
                yield news
        except XliteError as error:
            # All of them have it.
            self._are_apart = isinstance(error, LostProcessError)
            raise
        except Exception as error:
            if not self.are_there:
                raise
            raise _restate(error) from error


def _restate(error: Exception) -> LostProcessError:
    """An error that is said, and ends the command, as `error` does; it can be pickled."""
    message, exit_code = explain(error)
    restated = LostProcessError(message)
    restated.exit_code = exit_code
    return restated
