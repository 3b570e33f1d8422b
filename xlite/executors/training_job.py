"""One attempt at one run of a study, and how it ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xlite import console
from xlite.errors import INTERNAL_ERROR, InterruptedRunError, XliteError, explain
from xlite.studies.plan import PlannedRun
from xlite.training.out_of_memory import LostProcessError
from xlite.training.run import train_run

if TYPE_CHECKING:
    from xlite.settings import Runtime, TrainSettings
    from xlite.training.data import StudyData
    from xlite.training.state import TrainState


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


@dataclass(frozen=True)
class EpochReport:
    """What is told of a run after each epoch; seconds are those of all its sittings."""

    epochs_done: int
    best_val_auroc: float | None
    seconds: float


def attempt_run(
    run: StudyRun,
    data: StudyData,
    *,
    runtime: Runtime,
    resume: bool,
    on_epoch: Callable[[EpochReport], None],
) -> Outcome:
    """Train a run to its end; whatever goes wrong is said and becomes the outcome's error.

    Raises InterruptedRunError or KeyboardInterrupt when a signal asked for an end, and, when
    several processes train the run, LostProcessError and what is no XliteError.
    """

    def report(state: TrainState) -> None:
        on_epoch(EpochReport(state.epoch, state.best_val_auroc, round(state.seconds, 3)))

    try:
        scores = train_run(
            run.settings,
            data,
            run.run_dir,
            runtime=runtime,
            resume=resume,
            has_fixed_budget=run.planned.has_fixed_budget,
            on_epoch=report,
        )
    except (InterruptedRunError, LostProcessError):
        raise
    except Exception as error:  # whatever one model does, the others go on
        if runtime.devices * runtime.num_nodes > 1 and not isinstance(error, XliteError):
            raise  # the processes of the run no longer agree on where they are
        message, exit_code = explain(error)
        console.error(f"{run.name} failed: {message}")
        is_internal = exit_code == INTERNAL_ERROR
        return Outcome(run.name, run.run_dir, None, message, is_internal=is_internal)
    return Outcome(run.name, run.run_dir, scores, None)
