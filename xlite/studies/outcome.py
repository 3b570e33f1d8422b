"""A run of a study, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xlite.studies.plan import PlannedRun

if TYPE_CHECKING:
    from xlite.settings import TrainSettings


@dataclass(frozen=True)
class StudyRun:
    """A planned run and the folder it is trained in."""

    planned: PlannedRun
    run_dir: Path

    @property
    def name(self) -> str:
        """What tables and progress call it."""
        return self.planned.name

    @property
    def settings(self) -> TrainSettings:
        """What decides its result."""
        return self.planned.settings


@dataclass(frozen=True)
class Outcome:
    """How a planned run ended: its folder, and the scores or the error."""

    name: str
    run_dir: Path
    scores: dict[str, Any] | None
    error: str | None
    is_internal: bool = False
    """Whether the error is a mistake of xlite's own."""
