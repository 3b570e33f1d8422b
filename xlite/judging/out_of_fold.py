"""Out-of-fold predictions of runs over folds, pooled into one file as any other predictions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from xlite.files import sha256_of_file, write_json
from xlite.judging.fold_runs import FoldRuns, read_out_of_fold
from xlite.ownership import require_our_folder
from xlite.results.out_of_fold import OutOfFold, PooledFile
from xlite.run_folder.folder import RunFolder
from xlite.run_folder.predictions import Predictions, write_pooled_predictions
from xlite.settings import fingerprint_of

if TYPE_CHECKING:
    from xlite.splitting.fold_splits import FoldSplits
    from xlite.studies.outcome import Outcome

FOLDER = "out_of_fold"
"""The folder of pooled predictions in an experiments folder."""
RECORD = "out_of_fold.json"
PREDICTIONS = "predictions.csv"


def pool_outcomes(outcomes: Sequence[Outcome], folds: FoldSplits, out: Path) -> list[PooledFile]:
    """The pooled predictions of one model and seed: a file for each repeat whose runs all finished.

    outcomes: one a fold, in the order of their numbers. They are written to
    `out/out_of_fold/NAME`; the same runs again write the same.
    """
    finished = {
        number: outcome.run_dir
        for number, outcome in enumerate(outcomes)
        if outcome.scores is not None
    }
    name = re.sub(r":f\d+$", "", outcomes[0].name)
    return [
        _write(finished, folds, repeat, name, out)
        for repeat in range(folds.repeats)
        if all(number in finished for number in folds.numbers(repeat))
    ]


def _write(runs: FoldRuns, folds: FoldSplits, repeat: int, name: str, out: Path) -> PooledFile:
    pooled = read_out_of_fold(runs, folds, repeat=repeat, name=name)
    used = {number: runs[number].name for number in folds.numbers(repeat)}
    folder = out / FOLDER / f"{_name_file(name)}-{fingerprint_of(sorted(used.values()))[:8]}"
    require_our_folder(folder, markers=[RECORD], names=[PREDICTIONS], what="out-of-fold runs")
    path = folder / PREDICTIONS
    write_pooled_predictions(path, Predictions(pooled.image_ids, pooled.probs, pooled.vocabulary))
    settings = RunFolder(runs[folds.numbers(repeat)[0]]).settings
    record = OutOfFold(
        name=name,
        model=settings.model,
        seed=settings.seed,
        repeat=repeat,
        images=len(pooled),
        patients=len(np.unique(pooled.patient_ids)),
        runs=used,
        predictions=sha256_of_file(path),
    )
    write_json(folder / RECORD, record.to_json())
    return PooledFile(path=path, record=record)


def _name_file(name: str) -> str:
    """A run's name as a folder may be called on any system.

    >>> _name_file("resnet18:loss=focal:s0")
    'resnet18-loss=focal-s0'
    """
    return re.sub(r"[^A-Za-z0-9_.+=-]", "-", name)[:100]
