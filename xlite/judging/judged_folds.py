"""Predictions of every image of a folder of folds: those of runs out of fold, or anyone's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from xlite import console
from xlite.errors import InputError
from xlite.judging.compared_runs import find_finished_runs
from xlite.judging.fold_runs import (
    FOLD,
    find_fold,
    find_sealed_run,
    find_siblings,
    read_out_of_fold,
    require_folds,
)
from xlite.judging.judged_predictions import JudgedPredictions, find_run, require_table_file
from xlite.judging.labelled_predictions import join_predictions, read_run_predictions
from xlite.judging.out_of_fold import RECORD
from xlite.results.fold_tests import OUT_OF_FOLD
from xlite.results.out_of_fold import OutOfFold
from xlite.run_folder.file_names import RUNS
from xlite.run_folder.folder import RunFolder
from xlite.settings import TrainSettings
from xlite.splitting.fold_splits import FoldSplits, read_fold_splits

if TYPE_CHECKING:
    from xlite.judging.predictions_file import PredictionSource
    from xlite.tables.read_labels import LabelSource

_NUM_NAMED = 4


def read_judged_folds(run: Path, folder: Path, labels: LabelSource | None) -> JudgedPredictions:
    """The pooled out-of-fold predictions of a run and of those of the other folds of its repeat.

    run: that of any fold, a folder of pooled predictions, or an experiments folder where it holds
    runs of one model and seed. folder: the folds. With what each run
    says of its validation part, which thresholds are fitted on. Raises InputError for a run of none
    of the folds, and for folds without a finished run.
    """
    folds, _ = read_fold_splits(folder, require_table_file(labels))
    run_dir = _find_any_run(find_run(run), folds)
    siblings = find_siblings(run_dir, folds)
    repeat = find_fold(RunFolder(run_dir), folds) // folds.num_folds
    wanted = folds.numbers(repeat)
    # Without the sum of its settings and data, which is another in each fold.
    name = run_dir.name.rpartition("-")[0] or run_dir.name
    require_folds(siblings, wanted, name=name)
    if folds.repeats > 1:
        name = f"{name}-r{repeat}"
        console.say(f"repeat {repeat} of {folds.repeats}, whose folds are {wanted[0]} and on")
    splits = {number: folds.splits[number] for number in wanted}
    return JudgedPredictions(
        labelled=read_out_of_fold(siblings, folds, repeat=repeat, name=name),
        table=labels,
        part=OUT_OF_FOLD,
        run_dir=run_dir,
        val_of_folds={
            str(number): read_run_predictions(siblings[number], "val", split)
            for number, split in splits.items()
            if "val" in split.parts
        },
    )


def read_judged_fold_table(
    predictions: PredictionSource,
    folder: Path,
    labels: LabelSource | None,
    *,
    allow_partial: bool = False,
) -> JudgedPredictions:
    """A table of predictions of all images of the folds, with the fold of each of the first repeat.

    Raises InputError as for the part of a split.
    """
    folds, _ = read_fold_splits(folder, require_table_file(labels))
    path = Path(predictions if isinstance(predictions, str | Path) else "predictions")
    labelled, join = join_predictions(predictions, folds.images, name=path.name.split(".")[0])
    if not allow_partial:
        join.require_whole(path)
    for sentence in join.describe():
        console.warn(sentence)
    tested_in = folds.assign(labelled.image_ids, 0).astype(str).astype(object)
    labelled = replace(labelled, columns={**labelled.columns, FOLD: tested_in})
    return JudgedPredictions(
        labelled=labelled,
        table=labels,
        part=OUT_OF_FOLD,
        test_run=find_sealed_run(predictions, folds),
        join=join,
    )


def _find_any_run(folder: Path, folds: FoldSplits) -> Path:
    """The run's folder, or that of any run that a folder of others stands for."""
    if (folder / RECORD).is_file():
        return _find_pooled_run(folder)
    if RunFolder(folder).is_begun or not (folder / RUNS).is_dir():
        return folder
    groups: dict[str, Path] = {}
    for run_dir in find_finished_runs(folder):
        run = RunFolder(run_dir)
        if folds.find(run.config.data.split_sha256) is not None:
            groups.setdefault(TrainSettings.fingerprint(run.settings), run_dir)
    if len(groups) != 1:
        named = ", ".join(run_dir.name for run_dir in list(groups.values())[:_NUM_NAMED])
        raise InputError(
            f"{folder} holds runs of {len(groups)} models and seeds over these folds"
            + (f", such as {named}. Pass one of them." if groups else ".")
        )
    return next(iter(groups.values()))


def _find_pooled_run(folder: Path) -> Path:
    record = folder / RECORD
    remedy = "Train over the folds again with --resume, which writes it anew."
    pooled = OutOfFold.read(record, remedy=remedy)
    run_dir = folder.resolve().parent.parent / RUNS / next(iter(pooled.runs.values()))
    if not run_dir.is_dir():
        raise InputError(
            f"{record} names {run_dir}, which does not exist. Pass a run's folder, or judge the "
            "predictions alone: --predictions."
        )
    return run_dir
