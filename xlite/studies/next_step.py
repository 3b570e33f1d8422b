"""The next step of a study: a pure function of its plan and of what its ledger comes to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from xlite.studies.study_plan import Ask
from xlite.studies.work_item import WorkItem


@dataclass(frozen=True, kw_only=True)
class DueDecision:
    """A decision that can be made now, and has to be recorded before anything follows from it."""

    subject: str
    choice: dict[str, Any]
    why: str
    saw: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Step:
    """What can be done now. With decisions due, nothing else counts until they are recorded."""

    decisions: tuple[DueDecision, ...] = ()
    ready: tuple[WorkItem, ...] = ()
    """Items that nobody holds and that wait for nothing, the first one first."""
    waiting_for: tuple[Ask, ...] = ()
    """Questions that a person can answer now."""
    is_ended: bool = False
    """Whether nothing is left: no item to do, none held, no question open."""
