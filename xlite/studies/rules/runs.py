"""The runs of an experiment or of a trial, and the work items that train and judge them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from xlite.settings import TrainSettings
from xlite.studies.ledger_entries import End
from xlite.studies.plan import name_fold, name_run
from xlite.studies.study_plan import Experiment, Phase, ScoreName
from xlite.studies.work_item import WorkItem


@dataclass(frozen=True)
class Run:
    """One run of an experiment or a trial."""

    item: str
    """The id of its item; of a trial with rungs, what the ids of its items begin with."""
    seed: int
    place: int
    """The seed's place among those of the experiment."""
    fold: int | None = None


def list_runs(subject: str, seeds: Sequence[int], num_folds: int) -> list[Run]:
    """The runs of an experiment or trial: a seed after the other, each on all of its folds.

    num_folds: 0 for a split that is none of folds.

    >>> [run.item for run in list_runs("E1", (3, 4), 0)]
    ['train:E1:s3', 'train:E1:s4']
    >>> [run.item for run in list_runs("E1", (3,), 2)]
    ['train:E1:s3:f0', 'train:E1:s3:f1']
    """
    return [
        Run(f"train:{subject}:s{seed}" + ("" if fold is None else f":f{fold}"), seed, place, fold)
        for place, seed in enumerate(seeds)
        for fold in (range(num_folds) if num_folds else (None,))
    ]


def name_of_run(experiment: Experiment, run: Run) -> str:
    """What tables call a run of an experiment, if the plan says; else nothing."""
    if not experiment.name:
        return ""
    name = name_run(experiment.name, run.seed, num_seeds=len(experiment.seeds))
    return name if run.fold is None else name_fold(name, run.fold)


def train_item(
    owner: Experiment | Phase,
    subject: str,
    settings: TrainSettings,
    run: Run,
    *,
    item_id: str,
    until_epoch: int | None = None,
    has_fixed_budget: bool = False,
) -> WorkItem:
    """The item that trains a run, to its end or to a pause."""
    return WorkItem(
        id=item_id,
        kind="train",
        subject=subject,
        settings=settings.model_copy(update={"seed": run.seed}),
        fold=run.fold,
        until_epoch=until_epoch,
        split=owner.split,
        weights=owner.weights,
        warm_start=owner.warm_start,
        has_fixed_budget=has_fixed_budget,
    )


def judge_id(subject: str) -> str:
    """The id of the item that judges an experiment, or a trial as `PHASE/NUMBER`."""
    return f"judge:{subject}"


def judge_item(
    owner: Experiment | Phase, subject: str, runs: tuple[str, ...], scores: Sequence[ScoreName]
) -> WorkItem:
    """The item that judges all runs of an experiment or of a trial together."""
    return WorkItem(
        id=judge_id(subject),
        kind="judge",
        subject=subject,
        split=owner.split,
        runs=runs,
        scores=tuple(map(str, scores)),
    )


def folders_of(ends: Iterable[End]) -> tuple[str, ...]:
    """The run folders of the runs that did not fail."""
    return tuple(end.run for end in ends if end.outcome != "failed" and end.run is not None)
