"""What a study leaves on the disk beside its runs: the progress file and the table of results."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xlite import console
from xlite.executors.results_table import write_results
from xlite.places import TRAINING_PROGRESS
from xlite.run_folder.lock import is_held
from xlite.studies.outcome import Outcome, StudyRun
from xlite.studies.progress import (
    FAILED,
    FINISHED,
    INTERRUPTED,
    PAUSED,
    PENDING,
    RUNNING,
    Entry,
    ProgressFile,
    current_time,
)

if TYPE_CHECKING:
    from xlite.run_folder.records import RunScores
    from xlite.training.state import EpochReport


class StudyRecord:
    """Keeps `training_progress.json` and `baseline_results.csv` of one experiments folder."""

    def __init__(self, out: Path, *, is_writer: bool = True) -> None:
        """Of several processes that train one run, only the main one is the writer."""
        self._out = out
        self._is_writer = is_writer
        self._progress = ProgressFile(out / TRAINING_PROGRESS, is_writer=is_writer)
        self._foreign: set[str] = set()
        self._named: set[str] = set()

    def enter(self, runs: Sequence[StudyRun]) -> None:
        """List runs that wait, except those that another command is training right now."""
        waiting = {"status": PENDING, "finished": None, "error": None}
        self._progress.update(
            {run.name: self._describe(run) | waiting for run in runs if not is_held(run.run_dir)}
        )

    def claim(self, run: StudyRun) -> None:
        """Look who trains a run before it is attempted: another command's entry is left alone."""
        if is_held(run.run_dir):
            self._foreign.add(run.name)
        else:
            self._foreign.discard(run.name)

    def start(self, run: StudyRun) -> None:
        """Note that a run is being trained."""
        self._update(run, status=RUNNING, started=current_time())

    def report(self, run: StudyRun, report: EpochReport) -> None:
        """Note that an epoch of a run has ended."""
        self._update(
            run,
            status=RUNNING,
            epochs_done=report.epochs_done,
            best_val_auroc=report.best_val_auroc,
            seconds=report.seconds,
        )

    def interrupt(self, run: StudyRun) -> None:
        """Note that a signal ended a run, which was saved."""
        self._update(run, status=INTERRUPTED)

    def pause(self, run: StudyRun) -> None:
        """Note that a run has paused after an epoch, as its study wanted."""
        self._update(run, status=PAUSED)

    def end(self, run: StudyRun, outcome: Outcome, *, is_new: bool = True) -> None:
        """Note how a run ended, and bring the results up to date; `is_new`: it ended just now."""
        if outcome.scores is None:
            self._update(run, status=FAILED, error=outcome.error)
        else:
            time = {"finished": current_time()} if is_new else {}
            self._update(run, **time, **_describe_finished(run, outcome.scores))
        if self._is_writer and run.name not in self._foreign:
            for fault in write_results(self._out, self._progress):
                if fault not in self._named:
                    self._named.add(fault)
                    console.warn(fault)

    def _update(self, run: StudyRun, **fields: Any) -> None:
        if run.name not in self._foreign:
            self._progress.update({run.name: self._describe(run) | fields})

    def _describe(self, run: StudyRun) -> Entry:
        fold = {} if run.planned.fold is None else {"fold": run.planned.fold}
        return {
            "model": run.settings.model,
            "seed": run.settings.seed,
            "epochs": run.settings.epochs,
            "run": run.run_dir.relative_to(self._out).as_posix(),
            **fold,
        }


def _describe_finished(run: StudyRun, scores: RunScores) -> Entry:
    planned, used = run.settings.accumulate, scores.accumulate
    note = None
    if used is not None and used > planned:
        note = f"out of memory: steps were computed in {used} parts instead of {planned}"
    return {
        "status": FINISHED,
        "epochs_done": scores.epochs,
        "best_val_auroc": scores.val_macro["auroc"],
        "seconds": scores.seconds,
        "error": None,
        "note": note,
    }
