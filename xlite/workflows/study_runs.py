"""What functions that train have in common: their data, their runs and their log."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from xlite import console, places
from xlite.executors.in_turn import run_plan
from xlite.executors.tuning import tune_plan
from xlite.judging.out_of_fold import pool_outcomes
from xlite.reporting.experiment_log import update_experiment_log
from xlite.settings import Runtime
from xlite.signals import StopSource, heed_no_signals
from xlite.splitting.checked_split import read_checked_split
from xlite.splitting.fold_splits import read_fold_splits
from xlite.splitting.folds_folder import is_folds
from xlite.studies.outcome import Outcome, group_by_fold
from xlite.studies.plan import PlannedRun, plan_folds
from xlite.training.data import StudyData, load_study_data
from xlite.training.device import is_main_process
from xlite.training.folded_data import (
    AnyData,
    FoldedData,
    data_of,
    list_folds,
    load_folded_data,
    require_judgeable,
)


def load_data(
    split: str | Path, labels: str | Path | None, cache: str | Path, images: str | Path | None
) -> AnyData:
    """The parts of a split, or of each of a folder of folds, and where their images come from."""
    if not is_folds(Path(split)):
        return load_split_data(split, labels, cache, images)
    folds, split_dirs = read_fold_splits(Path(split), None if labels is None else Path(labels))
    images_dir = None if images is None else Path(images)
    return load_folded_data(folds, split_dirs, Path(cache), images_dir=images_dir)


def load_split_data(
    split: str | Path, labels: str | Path | None, cache: str | Path, images: str | Path | None
) -> StudyData:
    """The split's parts, and where their images come from: the cache, or the folder `images`."""
    parts = read_checked_split(Path(split), None if labels is None else Path(labels))
    images_dir = None if images is None else Path(images)
    return load_study_data(parts, Path(cache), images_dir=images_dir, split_dir=Path(split))


def load_judgeable_data(
    split: str | Path, labels: str | Path | None, cache: str | Path, images: str | Path | None
) -> AnyData:
    """As `load_data`; InputError where no variants could be judged in the end."""
    data = load_data(split, labels, cache, images)
    require_judgeable(data)
    return data


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
    plan = plan_folds(plan, list_folds(data))
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
