"""A study's work items of kind `train`: one run, to its end or to its next pause."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from xlite import console
from xlite.errors import InputError
from xlite.run_folder.file_names import RUNS
from xlite.run_folder.folder import RunFolder
from xlite.studies.item_result import ItemResult, ItemStart
from xlite.studies.ledger_entries import Score
from xlite.studies.plan_references import list_scores
from xlite.studies.study_plan import TRAINING_SCORES, ScoreName, StudyPlan
from xlite.training.identity import KnownRuns, RunIdentity
from xlite.training.run import follow_run, has_reached
from xlite.training.schedule import find_best_epoch
from xlite.workflows.study_data import load_item_data, require_file
from xlite.workflows.study_folder import find_experiments

if TYPE_CHECKING:
    from xlite.run_folder.records import RunScores
    from xlite.settings import Runtime, TrainSettings
    from xlite.signals import StopRequest
    from xlite.studies.folder import StudyFolder
    from xlite.studies.work_item import WorkItem
    from xlite.training.data import StudyData
    from xlite.training.state import EpochReport

_COLUMNS = {name: "recall" if name == "sensitivity" else name for name in TRAINING_SCORES}
"""What a run's history calls the scores of validation that it has, by their names in a plan."""


@dataclass(frozen=True)
class FoundRun:
    """What an item trains: the run, wherever it is or will be, on its data."""

    data: StudyData
    run_dir: Path
    has_fixed_budget: bool


def train_item(
    item: WorkItem,
    folder: StudyFolder,
    plan: StudyPlan,
    *,
    runtime: Runtime,
    stop: StopRequest,
    found: FoundRun | None = None,
) -> Iterator[ItemStart | EpochReport | ItemResult]:
    """Train the run of an item; yields its start, a report after each epoch, and the result.

    A run with the same settings and data is taken as far as it is, whoever trained it; one that
    was to have another number of epochs stays as it is, and another begins beside it, unless the
    budget is open. found: where the caller knows the run already. Raises what `follow_run` raises.
    """
    settings = item.settings
    if settings is None:
        raise ValueError(f"{item.id} has no settings")
    found = found or _find_run(item, settings, folder, plan)
    data, run_dir = found.data, found.run_dir
    yield ItemStart(run=f"{RUNS}/{run_dir.name}")
    if has_reached(run_dir, settings, data):
        console.say(f"{item.label}: finished already, taken as it is ({run_dir})")
        yield conclude(item, settings, run_dir, plan)
        return
    if item.until_epoch is not None and len(RunFolder(run_dir).history) > item.until_epoch:
        console.say(f"{item.label}: is past epoch {item.until_epoch} already ({run_dir})")
        yield conclude(item, settings, run_dir, plan)
        return
    require_file(item.weights, settings.initial_weights, what="weights")
    require_file(item.warm_start, settings.warm_start, what="warm start")
    files = {"weights_path": item.weights, "warm_start": item.warm_start}
    yield from follow_run(
        settings,
        data,
        run_dir,
        runtime=runtime.model_copy(update=files),
        resume=True,
        has_fixed_budget=found.has_fixed_budget,
        stop=stop,
        until_epoch=item.until_epoch,
    )
    yield conclude(item, settings, run_dir, plan)


def _find_run(
    item: WorkItem, settings: TrainSettings, folder: StudyFolder, plan: StudyPlan
) -> FoundRun:
    data = load_item_data(item, plan)
    identity = RunIdentity.of(settings, data, has_fixed_budget=item.has_fixed_budget)
    known = _known_runs(find_experiments(folder) / RUNS)
    run_dir = known.locate(identity)
    if not item.has_open_budget and not _is_of_length(RunFolder(run_dir), settings.epochs):
        # Trained on, it would no longer be what somebody else's study has judged.
        identity = replace(identity, has_fixed_budget=True)
        run_dir = known.locate(identity)
    return FoundRun(data, run_dir, identity.has_fixed_budget)


def _is_of_length(run: RunFolder, epochs: int) -> bool:
    """Whether a run, if it is there, was never asked for another number of epochs."""
    if not run.is_begun:
        return True
    return {run.settings.epochs, *(sitting.epochs for sitting in run.sittings)} == {epochs}


@lru_cache(maxsize=4)
def _known_runs(runs_dir: Path) -> KnownRuns:
    return KnownRuns(runs_dir)


def conclude(item: WorkItem, settings: TrainSettings, run_dir: Path, plan: StudyPlan) -> ItemResult:
    """The result of a run that is at its end, or at least as far as it was asked to go.

    Of one that is further, what it was after the epoch that is asked about: whoever trained it,
    and how far, every ledger says the same.
    """
    run = RunFolder(run_dir)
    scores, last = run.scores, item.until_epoch
    rows = run.history if last is None else run.history[:last]
    has_ended = scores is not None and (last is None or scores.epochs <= last)
    if scores is not None and has_ended:
        epochs, seconds = scores.epochs, scores.seconds
    else:
        epochs, seconds = len(rows), round(sum(row["seconds"] for row in rows), 3)
    if not rows:
        raise InputError(f"{run_dir} has no history.csv, which holds its scores. Restore it.")
    best = find_best_epoch(settings, rows)
    return ItemResult(
        outcome="finished" if has_ended else "paused",
        run=f"{RUNS}/{run.name}",
        epochs=epochs,
        seconds=seconds,
        scores=_read_scores(rows[best], plan),
        details={"best_epoch": best + 1, **_describe_end(scores if has_ended else None)},
    )


def _describe_end(scores: RunScores | None) -> dict[str, bool]:
    return {} if scores is None else {"stopped_early": scores.stopped_early}


def _read_scores(row: Mapping[str, float], plan: StudyPlan) -> dict[str, Score]:
    """The scores in a row of the history: each macro mean, and of labels what the plan asks for."""
    names = [ScoreName("val", score) for score in TRAINING_SCORES]
    names += [name for _, name in list_scores(plan) if name.is_of_training and name.label]
    columns = {
        name: "_".join(filter(None, ("val", _COLUMNS[name.score], name.label))) for name in names
    }
    return {
        str(name): Score(point=row[column] if row[column] == row[column] else None)
        for name, column in columns.items()
        if column in row
    }
