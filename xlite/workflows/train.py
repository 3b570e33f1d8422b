"""`train`: many models and seeds, in turn or side by side, each in a run folder: `xlite train`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from xlite import places
from xlite.errors import InputError
from xlite.settings import Runtime, TrainSettings
from xlite.signals import StopSource, heed_no_signals
from xlite.studies.plan import plan_models
from xlite.workflows.combine import combine_outcomes
from xlite.workflows.learning_curve import train_subsets
from xlite.workflows.loaded_data import load_data, load_split_data
from xlite.workflows.study_folder import check_out
from xlite.workflows.study_runs import run_study

if TYPE_CHECKING:
    from xlite.studies.outcome import Outcome
    from xlite.tables.table_files import TableFiles


def train(
    settings: TrainSettings,
    *,
    models: Sequence[str] = (),
    seeds: Sequence[int] = (),
    split: str | Path = places.SPLIT_DIR,
    labels: TableFiles | None = None,
    cache: str | Path = places.CACHE_DIR,
    images: str | Path | None = None,
    out: str | Path = places.EXPERIMENTS_DIR,
    resume: bool = False,
    runtime: Runtime | None = None,
    tune: bool = False,
    keeps_precision: bool = True,
    subset_sizes: Sequence[float] = (),
    ensemble: bool = False,
    stopping: StopSource = heed_no_signals,
    command: str = "",
) -> list[Outcome]:
    """How each run ended: its folder in `out/runs`, and its scores or the error that ended it.

    One run a model and seed, else as in `settings`, whose model and seed count where none are
    named. labels: a table that the split has to agree with. images: compute CLAHE at each loading
    from this folder instead of a cache. resume: finished runs are taken as they are, unfinished
    ones go on. tune: measure first in which memory format each model is faster, and without
    `keeps_precision` in which precision. subset_sizes: each run is trained on each of these shares
    of the training patients, in (0, 1], and `learning_curve.json` says what more may bring, naming
    `command`. ensemble: the runs of each model become one in `out/ensembles`. stopping: gives the
    request on which a run saves and InterruptedRunError is raised. A run that fails leaves its
    error in its outcome and the others go on. Writes run folders, training_progress.json,
    baseline_results.csv and the log. Raises InputError at once for what is known to end a run.
    """
    _require_whole_data(subset_sizes, ensemble=ensemble)
    plan = plan_models(settings, list(models) or [settings.model], seeds=seeds)
    folder, options = Path(out), runtime or Runtime()
    check_out(folder)
    carry_out = partial(
        run_study,
        out=folder,
        runtime=options,
        resume=resume,
        tune=tune,
        keeps_precision=keeps_precision,
        stopping=stopping,
    )
    if not subset_sizes:
        outcomes = carry_out(plan, load_data(split, labels, cache, images))
        return combine_outcomes(outcomes, folder, runtime=options) if ensemble else outcomes
    return train_subsets(
        plan,
        subset_sizes,
        Path(split),
        labels,
        partial(load_split_data, labels=None, cache=cache, images=images),
        carry_out,
        folder,
        runtime=options,
        resume=resume,
        command=command,
    )


def _require_whole_data(subset_sizes: Sequence[float], *, ensemble: bool) -> None:
    if ensemble and subset_sizes:
        raise InputError(
            "an ensemble is of runs on all that there is to train on: leave out --ensemble or "
            "--subset-sizes."
        )
