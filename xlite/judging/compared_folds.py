"""What is compared over folds: runs by method, seed and fold, and predictions of every image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from xlite import console
from xlite.errors import InputError
from xlite.judging.compared_runs import FoldsBySeed, group_fold_runs, read_table_methods
from xlite.judging.fold_runs import describe_missing, find_sealed_run, find_siblings
from xlite.judging.folded_methods import FoldedMethod, read_folded_method

if TYPE_CHECKING:
    from xlite.judging.compared_runs import RunGroups
    from xlite.judging.predictions_file import PredictionSource
    from xlite.splitting.fold_splits import FoldSplits

FoldGroups = Mapping[str, FoldsBySeed]
"""Run folders by method, seed and fold."""


def group_named_runs(run_dirs: Sequence[Path], folds: FoldSplits) -> dict[str, FoldsBySeed]:
    """Runs by method, seed and fold: each that is named stands for those of the other folds.

    Raises InputError for a run of none of the folds.
    """
    found = [path for run in run_dirs for path in find_siblings(run, folds).values()]
    return group_fold_runs(list(dict.fromkeys(path.resolve() for path in found)), folds)


def group_all_runs(run_dirs: Sequence[Path], folds: FoldSplits) -> dict[str, FoldsBySeed]:
    """All of an experiments folder's runs by method, seed and fold.

    A seed without a finished run of each fold is named and left out.
    """
    kept: dict[str, FoldsBySeed] = {}
    for name, seeds in group_fold_runs(run_dirs, folds).items():
        whole = {}
        for seed, runs in seeds.items():
            missing = describe_missing(runs, range(len(folds.splits)))
            if missing is None:
                whole[seed] = runs
            else:
                console.warn(f"{name} of seed {seed} is left out: {missing}.")
        if whole:
            kept[name] = whole
    return kept


def add_siblings(groups: RunGroups, folds: FoldSplits) -> dict[str, FoldsBySeed]:
    """The groups with the runs of all folds in place of the one that is named."""
    return {
        name: {seed: find_siblings(run, folds) for seed, run in runs.items()}
        for name, runs in groups.items()
    }


def read_folded_methods(
    groups: FoldGroups,
    tables: Mapping[str, PredictionSource],
    folds: FoldSplits,
    *,
    allow_partial: bool,
) -> list[FoldedMethod]:
    """The methods with their predictions: of runs out of fold, of tables as they are.

    Raises InputError for a fold without a finished run, for a sealed test part, and for tables as
    `read_table_methods`.
    """
    for source in tables.values():
        sealed = find_sealed_run(source, folds)
        if sealed is not None:
            raise InputError(
                f"{source} is of the sealed test part of {sealed}, which never selects. Name runs "
                "over the folds, and predictions of all images."
            )
    methods = [read_folded_method(name, seeds, folds) for name, seeds in groups.items()]
    for one in read_table_methods(tables, folds.images, allow_partial=allow_partial):
        predictions = {seed: [each] * folds.repeats for seed, each in one.predictions.items()}
        methods.append(FoldedMethod(name=one.name, predictions=predictions))
    return methods
