"""What functions that train have in common: their runs, pooled predictions and the log."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from xlite import console, places
from xlite.executors.tuning import tune_plan
from xlite.judging.out_of_fold import pool_outcomes
from xlite.reporting.experiment_log import update_experiment_log
from xlite.settings import Runtime
from xlite.signals import StopSource, heed_no_signals
from xlite.studies.outcome import Outcome, group_by_fold
from xlite.studies.plan import PlannedRun
from xlite.training.device import is_main_process
from xlite.training.folded_data import AnyData, FoldedData, data_of, list_folds
from xlite.workflows.training_queue import run_plan


def run_study(
    plan: Sequence[PlannedRun],
    data: AnyData,
    out: Path,
    *,
    runtime: Runtime,
    resume: bool,
    tune: bool = False,
    keeps_precision: bool = True,
    stopping: StopSource = heed_no_signals,
) -> list[Outcome]:
    """How each run of the plan ended, trained where it was unfinished; the log is up to date.

    Over folds each is one run a fold, the folds of one after the other. tune, keeps_precision:
    `tune_plan` first. stopping: as for `run_plan`.
    """
    if tune:
        any_data = data_of(data, list_folds(data)[0])
        plan, runtime = tune_plan(
            plan, any_data, out, runtime=runtime, keeps_precision=keeps_precision
        )
    outcomes = run_plan(plan, data, out, runtime=runtime, resume=resume, stopping=stopping)
    if is_main_process():
        if isinstance(data, FoldedData):
            _pool(outcomes, data, out)
        update_experiment_log(places.experiment_log_path(out), out)
    return outcomes


def _pool(outcomes: Sequence[Outcome], data: FoldedData, out: Path) -> None:
    """Write the out-of-fold predictions of each model and seed, and say where they are."""
    splits = data.splits
    for group in group_by_fold(outcomes, list_folds(data)):
        for pooled in pool_outcomes(group, splits, out):
            record = pooled.record
            again = f", repeat {record.repeat}" if splits.repeats > 1 else ""
            console.say(f"out-of-fold predictions of {record.name}{again}: {pooled.path}")
