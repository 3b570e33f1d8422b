"""The runs by which a study judges one way of training: of each seed what it says of its images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from xlite.errors import InputError
from xlite.judging.asked_scores import JudgedRun
from xlite.judging.fold_runs import find_fold, pool_folds, read_out_of_fold, require_folds
from xlite.judging.labelled_predictions import read_run_predictions
from xlite.run_folder.folder import RunFolder
from xlite.splitting.fold_splits import FoldSplits
from xlite.splitting.split_folder import Split

Trained = tuple[int, int]
"""A seed and a repeat of the folds, 0 without any."""


def read_judged_runs(
    run_dirs: Sequence[Path], split: Split | FoldSplits, part: str, *, where: str
) -> dict[Trained, JudgedRun]:
    """What is judged of each seed: over folds the predictions of all of them, pooled.

    part: val or test, or oof over folds. where: how a message begins. Raises InputError for runs
    that are unfinished, damaged or of another split, and where no seed has a run of each fold.
    """
    seeds = [RunFolder(path).settings.seed for path in run_dirs]
    if isinstance(split, Split):
        if part == "oof":
            raise InputError(
                f"{where}: scores out of fold (oof.…) are of folds, and this is a single split. "
                "Ask for val.…, or make folds with `xlite split --folds`."
            )
        return {
            (seed, 0): JudgedRun(read_run_predictions(path, part, split))
            for seed, path in zip(seeds, run_dirs, strict=True)
        }
    groups: dict[Trained, dict[int, Path]] = {}
    for seed, path in zip(seeds, run_dirs, strict=True):
        number = find_fold(RunFolder(path), split)
        groups.setdefault((seed, number // split.num_folds), {})[number] = path
    if part == "val":
        return {
            key: JudgedRun(pool_folds(runs, split, part=part, name=f"{where}:s{key[0]}"))
            for key, runs in groups.items()
        }
    whole = {key: runs for key, runs in groups.items() if len(runs) == split.num_folds}
    if not whole:
        (seed, repeat), runs = next(iter(groups.items()))
        require_folds(runs, split.numbers(repeat), name=f"{where}, seed {seed},")
    return {
        key: JudgedRun(read_out_of_fold(runs, split, repeat=key[1], name=f"{where}:s{key[0]}"))
        for key, runs in whole.items()
    }
