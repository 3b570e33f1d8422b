"""A run of a study, and how it ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xlite.errors import CheckFailedError, InternalError
from xlite.studies.plan import PlannedRun

if TYPE_CHECKING:
    from xlite.run_folder.records import RunScores
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
    scores: RunScores | None
    error: str | None
    is_internal: bool = False
    """Whether the error is a mistake of xlite's own."""

    def to_json(self) -> dict[str, Any]:
        """The run as `xlite train --json` prints it."""
        return {
            "name": self.name,
            "run": str(self.run_dir),
            "error": self.error,
            "scores": None if self.scores is None else self.scores.to_json(),
        }


def group_by_fold(
    outcomes: Sequence[Outcome], folds: Sequence[int | None]
) -> list[tuple[Outcome, ...]]:
    """The outcomes of `plan_folds` by what was planned: one a fold each."""
    size = len(folds)
    return [tuple(outcomes[start : start + size]) for start in range(0, len(outcomes), size)]


def require_success(outcomes: Sequence[Outcome]) -> None:
    """Raise CheckFailedError when a run failed, InternalError when xlite is to blame for one."""
    failed = [outcome for outcome in outcomes if outcome.error is not None]
    if failed:
        kind = InternalError if any(one.is_internal for one in failed) else CheckFailedError
        raise kind(
            f"{len(failed)} of {len(outcomes)} runs failed: {', '.join(o.name for o in failed)}. "
            "training_progress.json holds their errors."
        )
