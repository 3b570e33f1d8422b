"""What commands that train have in common: their data, their runs, their log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from xlite import console, places
from xlite.cli import options
from xlite.cli.expansion import RARE
from xlite.errors import CheckFailedError, InternalError
from xlite.ownership import refuse_links, require_replaceable_file, require_writable_folder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xlite.cli.running_options import RunningOptions
    from xlite.executors.in_turn import Outcome
    from xlite.studies.plan import PlannedRun
    from xlite.training.data import StudyData


_RESULTS_BEGIN = b"model_name,backbone,attention,"
"""The first columns of the table of results are X-Lite's."""


@dataclass(frozen=True)
class StudyOptions:
    """What the runs of a command share: data, folders, resume, seed."""

    labels: Annotated[options.CheckedLabels, RARE] = None
    split: options.SplitDir = places.SPLIT_DIR
    cache: options.CacheDir = places.CACHE_DIR
    images: Annotated[options.RuntimeImages, RARE] = None
    out: options.ExperimentsDir = places.EXPERIMENTS_DIR
    resume: options.Resume = False
    seed: options.Seed = 42

    def check_out(self) -> None:
        """Raise InputError when nothing can be written where runs, tables and log are to go."""
        from xlite.places import BASELINE_RESULTS

        require_writable_folder(self.out / "runs")
        require_replaceable_file(
            self.out / BASELINE_RESULTS,
            is_ours=lambda head: head.startswith(_RESULTS_BEGIN),
            overwrite=None,
        )
        log = places.experiment_log_path(self.out)
        require_writable_folder(log.parent)
        refuse_links([log])

    def load_data(self) -> StudyData:
        """The split's parts and where their images come from."""
        from xlite.splitting.checked_split import read_checked_split
        from xlite.training.data import load_study_data

        split = read_checked_split(self.split, self.labels)
        return load_study_data(split, self.cache, images_dir=self.images, split_dir=self.split)

    def run(
        self, plan: Sequence[PlannedRun], data: StudyData, running: RunningOptions
    ) -> list[Outcome]:
        """Train what is unfinished of the plan and bring the experiment log up to date."""
        from xlite.executors.in_turn import run_plan
        from xlite.executors.power_safe import describe
        from xlite.executors.tuning import tune_plan
        from xlite.reporting.experiment_log import update_experiment_log
        from xlite.training.device import is_main_process

        runtime = running.to_runtime(is_cached=data.is_cached)
        if running.tune:
            plan, runtime = tune_plan(
                plan,
                data,
                self.out,
                runtime=runtime,
                keeps_precision=running.precision != "auto",
            )
        if running.power_safe:
            console.say(describe(plan[0].settings, runtime))
        outcomes = run_plan(plan, data, self.out, runtime=runtime, resume=self.resume)
        if is_main_process():
            update_experiment_log(places.experiment_log_path(self.out), self.out)
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
