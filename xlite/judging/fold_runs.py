"""The runs of one model and seed over all folds, and what they say of images that they never saw.

N images, C labels.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from xlite.errors import InputError
from xlite.judging.labelled_predictions import LabelledPredictions, read_run_predictions
from xlite.judging.sealed_test import find_test_run
from xlite.run_folder.folder import RunFolder
from xlite.run_folder.listing import find_run_folders
from xlite.settings import TrainSettings

if TYPE_CHECKING:
    from xlite.judging.predictions_file import PredictionSource
    from xlite.splitting.fold_splits import FoldSplits

FOLD = "fold"
"""The column of the fold that an image was tested in."""

FoldRuns = Mapping[int, Path]
"""The run folder of each fold by its number."""


def find_fold(run: RunFolder, folds: FoldSplits) -> int:
    """The number of the fold that a run was trained without; InputError for one of other folds."""
    fold = folds.find(run.config.data.split_sha256)
    if fold is None:
        raise InputError(
            f"{run.path} was trained on another split than these folds: no fold has its tables. "
            "Pass what it was trained on as --split, or train it on the folds."
        )
    return fold


def find_siblings(run_dir: Path, folds: FoldSplits) -> dict[int, Path]:
    """The finished runs of the settings and seed of a run by fold: those that lie beside it.

    Raises InputError when the run is of none of the folds.
    """
    run = RunFolder(run_dir)
    run.require_begun()
    find_fold(run, folds)
    wanted = TrainSettings.fingerprint(run.settings)
    found: dict[int, Path] = {}
    for other in find_run_folders(run_dir.parent):
        if not other.is_finished:
            continue
        try:
            fold = folds.find(other.config.data.split_sha256)
            is_sibling = fold is not None and TrainSettings.fingerprint(other.settings) == wanted
        except InputError:
            # A damaged run of something else is not what was asked about.
            continue
        if fold is not None and is_sibling:
            found.setdefault(fold, other.path)
    return dict(sorted(found.items()))


def find_sealed_run(predictions: PredictionSource, folds: FoldSplits) -> Path | None:
    """The run whose sealed test part is predicted; None for others, and for runs over the folds.

    The test part of a fold is not sealed: every image is in one.
    """
    run_dir = find_test_run(Path(predictions)) if isinstance(predictions, str | Path) else None
    if run_dir is None or folds.find(RunFolder(run_dir).config.data.split_sha256) is not None:
        return None
    return run_dir


def describe_missing(runs: FoldRuns, wanted: Iterable[int]) -> str | None:
    """Which of the folds have no finished run, in words; None where all have.

    >>> describe_missing({0: Path("a"), 2: Path("b")}, range(4))
    'no finished run of fold 1, 3'
    """
    missing = [str(number) for number in wanted if number not in runs]
    return f"no finished run of fold {', '.join(missing)}" if missing else None


def require_folds(runs: FoldRuns, wanted: Iterable[int], *, name: str) -> None:
    """Raise InputError, which names them, when folds have no finished run."""
    missing = describe_missing(runs, wanted)
    if missing is not None:
        raise InputError(
            f"{name} has {missing}. Train them by the same command with --resume: what is pooled "
            "has to be of every image."
        )


def read_out_of_fold(
    runs: FoldRuns, folds: FoldSplits, *, repeat: int, name: str
) -> LabelledPredictions:
    """Every image once, as the run of a repeat has judged it that was trained without it.

    In the order of `folds.images`; the number of the fold is among the columns. Raises InputError
    as `read_run_predictions` does.
    """
    wanted = {number: runs[number] for number in folds.numbers(repeat)}
    pooled = pool_folds(wanted, folds, part="test", name=name)
    places = pd.Index(folds.images.image_ids).get_indexer(pd.Index(pooled.image_ids))
    return pooled.select(np.argsort(places, kind="stable"))


def pool_folds(runs: FoldRuns, folds: FoldSplits, *, part: str, name: str) -> LabelledPredictions:
    """What runs have said of a part of their folds, one after the other, each image as often.

    The number of the fold is among the columns. Raises InputError as `read_run_predictions` does.
    """
    pieces = [
        read_run_predictions(run_dir, part, folds.splits[number])
        for number, run_dir in runs.items()
    ]
    numbers = np.repeat(list(runs), [len(piece) for piece in pieces])
    columns = {
        column: np.concatenate([piece.columns[column] for piece in pieces])
        for column in pieces[0].columns
    }
    return LabelledPredictions(
        name=name,
        image_ids=np.concatenate([piece.image_ids for piece in pieces]),
        patient_ids=np.concatenate([piece.patient_ids for piece in pieces]),
        targets=np.concatenate([piece.targets for piece in pieces]),
        probs=np.concatenate([piece.probs for piece in pieces]),
        vocabulary=pieces[0].vocabulary,
        columns={**columns, FOLD: numbers.astype(str).astype(object)},
    )
