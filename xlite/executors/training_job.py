"""One run of a study trained to its end, whatever goes wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from xlite import console
from xlite.errors import INTERNAL_ERROR, InterruptedRunError, XliteError, explain
from xlite.studies.outcome import Outcome, StudyRun
from xlite.training.out_of_memory import LostProcessError
from xlite.training.run import follow_run

if TYPE_CHECKING:
    from xlite.settings import Runtime
    from xlite.signals import StopRequest
    from xlite.training.data import StudyData
    from xlite.training.state import EpochReport


def run_training_job(
    run: StudyRun, data: StudyData, *, runtime: Runtime, resume: bool, stop: StopRequest
) -> Iterator[EpochReport | Outcome]:
    """Train a run to its end; yields a report after each epoch, and at last how it ended.

    Whatever goes wrong is said and becomes the outcome's error. Raises InterruptedRunError when
    `stop` was set, KeyboardInterrupt, and, when several processes train the run, LostProcessError
    and what is no XliteError.
    """
    try:
        scores = yield from follow_run(
            run.settings,
            data,
            run.run_dir,
            runtime=runtime,
            resume=resume,
            has_fixed_budget=run.planned.has_fixed_budget,
            stop=stop,
        )
    except (InterruptedRunError, LostProcessError):
        raise
    except Exception as error:  # whatever one model does, the others go on
        if runtime.devices * runtime.num_nodes > 1 and not isinstance(error, XliteError):
            raise  # the processes of the run no longer agree on where they are
        message, is_internal = say_failure(run.name, error)
        yield Outcome(run.name, run.run_dir, None, message, is_internal=is_internal)
    else:
        yield Outcome(run.name, run.run_dir, scores, None)


def say_failure(name: str, error: Exception) -> tuple[str, bool]:
    """What ended a piece of work, in one line, which is said; and whether xlite is to blame."""
    message, exit_code = explain(error)
    console.error(f"{name} failed: {message}")
    return message, exit_code == INTERNAL_ERROR
