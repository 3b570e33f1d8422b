"""What comes of a work item while it is done, and at its end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

if TYPE_CHECKING:
    from xlite.signals import StopRequest
    from xlite.studies.ledger_entries import Score
    from xlite.studies.work_item import WorkItem
    from xlite.training.state import EpochReport


INTERNAL: Final = "internal"
"""Among the details of a failed item: its error is a mistake of xlite's own."""


@dataclass(frozen=True, kw_only=True)
class ItemStart:
    """An item's run folder is known, and it begins (or goes on)."""

    run: str
    """From the experiments folder."""


@dataclass(frozen=True, kw_only=True)
class ItemResult:
    """How an item ended: what its entry in the ledger says, see `End`."""

    outcome: Literal["finished", "paused", "failed"]
    run: str | None = None
    epochs: int = 0
    seconds: float = 0.0
    scores: Mapping[str, Score] = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)
    error: str | None = None


class Perform(Protocol):
    """Does an item; yields at most one start, a report after each epoch, and last the result.

    What is wrong with the item itself is a failed result, which is for good. Whatever may be
    different next time is raised, and the item stays to be done: InterruptedRunError once `stop`
    was set and all is saved, RunInUseError, OSError (a full disk), KeyboardInterrupt.
    """

    def __call__(
        self, item: WorkItem, stop: StopRequest
    ) -> Iterator[ItemStart | EpochReport | ItemResult]:
        """Called once for each time that an agent takes the item on."""
