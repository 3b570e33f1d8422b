"""What functions that train have in common: their data, their runs and their log."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from xlite import places
from xlite.executors.in_turn import run_plan
from xlite.executors.tuning import tune_plan
from xlite.reporting.experiment_log import update_experiment_log
from xlite.settings import Runtime
from xlite.signals import StopSource, heed_no_signals
from xlite.splitting.checked_split import read_checked_split
from xlite.studies.outcome import Outcome
from xlite.studies.plan import PlannedRun
from xlite.training.data import StudyData, load_study_data
from xlite.training.device import is_main_process


def load_data(
    split: str | Path, labels: str | Path | None, cache: str | Path, images: str | Path | None
) -> StudyData:
    """The split's parts, and where their images come from: the cache, or the folder `images`."""
    parts = read_checked_split(Path(split), None if labels is None else Path(labels))
    images_dir = None if images is None else Path(images)
    return load_study_data(parts, Path(cache), images_dir=images_dir, split_dir=Path(split))


def run_study(
    plan: Sequence[PlannedRun],
    data: StudyData,
    out: Path,
    *,
    runtime: Runtime,
    resume: bool,
    tune: bool = False,
    keeps_precision: bool = True,
    stopping: StopSource = heed_no_signals,
) -> list[Outcome]:
    """How each run of the plan ended, trained where it was unfinished; the log is up to date.

    tune, keeps_precision: `tune_plan` first. stopping: as for `run_plan`.
    """
    if tune:
        plan, runtime = tune_plan(plan, data, out, runtime=runtime, keeps_precision=keeps_precision)
    outcomes = run_plan(plan, data, out, runtime=runtime, resume=resume, stopping=stopping)
    if is_main_process():
        update_experiment_log(places.experiment_log_path(out), out)
    return outcomes
