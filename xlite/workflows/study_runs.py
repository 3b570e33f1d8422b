"""What functions that train have in common: where to write, their data, their runs and log."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from xlite import places
from xlite.errors import CheckFailedError, InternalError
from xlite.executors.in_turn import run_plan
from xlite.ownership import refuse_links, require_replaceable_file, require_writable_folder
from xlite.places import BASELINE_RESULTS
from xlite.reporting.experiment_log import update_experiment_log
from xlite.run_folder.file_names import RUNS
from xlite.settings import Runtime
from xlite.splitting.checked_split import read_checked_split
from xlite.studies.outcome import Outcome
from xlite.studies.plan import PlannedRun
from xlite.training.data import StudyData, load_study_data
from xlite.training.device import is_main_process

_RESULTS_BEGIN = b"model_name,backbone,attention,"
"""The first columns of the table of results are X-Lite's."""


def check_out(out: Path) -> None:
    """Raise InputError when nothing can be written where runs, tables and log are to go."""
    require_writable_folder(out / RUNS)
    require_replaceable_file(
        out / BASELINE_RESULTS,
        is_ours=lambda head: head.startswith(_RESULTS_BEGIN),
        overwrite=None,
    )
    log = places.experiment_log_path(out)
    require_writable_folder(log.parent)
    refuse_links([log])


def load_data(
    split: str | Path, labels: str | Path | None, cache: str | Path, images: str | Path | None
) -> StudyData:
    """The split's parts, and where their images come from: the cache, or the folder `images`."""
    parts = read_checked_split(Path(split), None if labels is None else Path(labels))
    images_dir = None if images is None else Path(images)
    return load_study_data(parts, Path(cache), images_dir=images_dir, split_dir=Path(split))


def run_study(
    plan: Sequence[PlannedRun], data: StudyData, out: Path, *, runtime: Runtime, resume: bool
) -> list[Outcome]:
    """How each run of the plan ended, trained where it was unfinished; the log is up to date."""
    outcomes = run_plan(plan, data, out, runtime=runtime, resume=resume)
    if is_main_process():
        update_experiment_log(places.experiment_log_path(out), out)
    return outcomes


def require_success(outcomes: Sequence[Outcome]) -> None:
    """Raise CheckFailedError when a run failed, InternalError when xlite is to blame for one."""
    failed = [outcome for outcome in outcomes if outcome.error is not None]
    if failed:
        kind = InternalError if any(one.is_internal for one in failed) else CheckFailedError
        raise kind(
            f"{len(failed)} of {len(outcomes)} runs failed: {', '.join(o.name for o in failed)}. "
            "training_progress.json holds their errors."
        )
