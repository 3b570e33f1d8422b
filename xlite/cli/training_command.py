"""What commands that train have in common: data, folders, seed, and what is done with them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from xlite import places
from xlite.cli import options
from xlite.cli.expansion import RARE
from xlite.signals import catch_stop_signals

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xlite.cli.running_options import RunningOptions
    from xlite.studies.outcome import Outcome
    from xlite.studies.plan import PlannedRun
    from xlite.training.folded_data import AnyData


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

    @property
    def places(self) -> dict[str, Any]:
        """The data and the folder by the names that functions have for them."""
        names = ("split", "labels", "cache", "images", "out")
        return {name: getattr(self, name) for name in names}

    def check_out(self) -> None:
        """Raise InputError when nothing can be written where runs, tables and log are to go."""
        from xlite.workflows.study_folder import check_out

        check_out(self.out)

    def load_judgeable_data(self) -> AnyData:
        """The split's parts and where their images come from, for variants to be judged on."""
        from xlite.workflows.loaded_data import load_judgeable_data

        return load_judgeable_data(self.split, self.labels, self.cache, self.images)

    def run(
        self, plan: Sequence[PlannedRun], data: AnyData, running: RunningOptions
    ) -> list[Outcome]:
        """Train what is unfinished of the plan and bring the experiment log up to date."""
        from xlite.workflows.study_runs import run_study

        return run_study(
            plan,
            data,
            self.out,
            runtime=running.prepare(plan[0].settings, is_cached=data.is_cached),
            resume=self.resume,
            tune=running.tune,
            keeps_precision=running.precision != "auto",
            stopping=catch_stop_signals,
        )
