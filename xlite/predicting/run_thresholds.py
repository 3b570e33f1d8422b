"""The thresholds that a model's probs are called at, and where they come from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from xlite.errors import InputError
from xlite.judging.labelled_predictions import LabelledPredictions, read_run_predictions
from xlite.judging.thresholding import fit_to_predictions
from xlite.places import VALIDATION
from xlite.run_folder.thresholds_file import (
    RUN_CALIBRATION,
    RUN_METHOD,
    FittedOn,
    read_thresholds,
)
from xlite.splitting.split_folder import read_split

if TYPE_CHECKING:
    from xlite.run_folder.folder import RunFolder
    from xlite.scores.fitted_thresholds import FittedThresholds

_REMEDY = (
    "Pass the run's split with --split DIR, or a file that `xlite evaluate --save-thresholds` "
    "wrote with --thresholds FILE."
)


@dataclass(frozen=True, eq=False)
class FoundThresholds:
    """Thresholds with what they have seen, or why there are none."""

    fitted: FittedThresholds | None
    fitted_on: FittedOn | None
    source: str
    """Where they come from, in words; without any, the sentence that says what to pass."""


def find_thresholds(
    run: RunFolder, *, file: Path | None = None, split_dir: Path | None = None
) -> FoundThresholds:
    """The thresholds of a finished run: those of a file, its own, or fitted to its validation now.

    file: one of `write_thresholds`, which is believed. split_dir: where the run's split lies, for a
    run of an earlier version, which kept none; without it the place is looked at that the run was
    trained on. Raises InputError for a file, a run or a split that was asked for and can't serve.
    """
    if file is not None:
        return read_given_thresholds(file, run.labels)
    own = run.find_thresholds()
    if own is not None:
        fitted, fitted_on = read_thresholds(own, remedy=run.how_to_make_again)
        return FoundThresholds(_select(fitted, run.labels, own), fitted_on, "the run's own")
    return _fit_to_validation([run], split_dir, name=run.name)


def find_thresholds_of_mean(
    runs: Sequence[RunFolder], *, file: Path | None = None, split_dir: Path | None = None
) -> FoundThresholds:
    """The same of the mean prob of runs.

    Those of one split have all predicted one validation part, and the mean on it is what is fitted
    to. Runs of several splits, as of folds, have seen each other's, so that each of its images is
    judged by the run alone that has not: what is fitted to is a single run's probs, pooled.
    """
    if file is not None:
        return read_given_thresholds(file, runs[0].labels)
    return _fit_to_validation(runs, split_dir, name=f"the mean of {len(runs)} runs")


def read_given_thresholds(file: Path, labels: tuple[str, ...]) -> FoundThresholds:
    """The thresholds of these labels in a file; InputError where it lacks one."""
    fitted, fitted_on = read_thresholds(file)
    return FoundThresholds(_select(fitted, labels, file), fitted_on, f"from {file}")


def _select(fitted: FittedThresholds, labels: tuple[str, ...], path: Path) -> FittedThresholds:
    absent = [name for name in labels if name not in fitted.vocabulary]
    if absent:
        raise InputError(
            f"{path} has no thresholds of {', '.join(absent)}. Fit them on the model's labels."
        )
    return fitted.select(labels)


def _fit_to_validation(
    runs: Sequence[RunFolder], split_dir: Path | None, *, name: str
) -> FoundThresholds:
    without = [run.name for run in runs if run.require_scores().val is None]
    if without:
        return FoundThresholds(
            None,
            None,
            f"{without[0]} was trained without a validation part, and has no thresholds. Pass a "
            "file that `xlite evaluate --save-thresholds` wrote with --thresholds FILE.",
        )
    try:
        pieces = [_read_validation(run, split_dir) for run in runs]
    except InputError as error:
        if split_dir is not None:
            raise
        return FoundThresholds(None, None, f"{name} has no thresholds: {error} {_REMEDY}")
    labelled = replace(_pool(runs, pieces), name=name)
    sums = {run.data.split_sha256.get(VALIDATION) for run in runs}
    fitted_on = FittedOn.of(
        name,
        labelled.image_ids,
        labelled.patient_ids,
        split_sha256=sums.pop() if len(sums) == 1 else None,
    )
    fitted = fit_to_predictions(labelled, method=RUN_METHOD, calibration=RUN_CALIBRATION)
    return FoundThresholds(fitted, fitted_on, "fitted to the validation part")


def _read_validation(run: RunFolder, split_dir: Path | None) -> LabelledPredictions:
    place = split_dir or run.data.split_dir
    if place is None:
        raise InputError("it does not say where its split lies.")
    labelled = read_run_predictions(run.path, VALIDATION, read_split(Path(place)))
    if labelled.vocabulary != run.labels:
        columns = [labelled.vocabulary.index(label) for label in run.labels]
        labelled = replace(
            labelled,
            targets=labelled.targets[:, columns],
            probs=labelled.probs[:, columns],
            vocabulary=run.labels,
        )
    return labelled


def _pool(runs: Sequence[RunFolder], pieces: Sequence[LabelledPredictions]) -> LabelledPredictions:
    """The mean of runs of one split; of several the images of each, one after the other."""
    first = pieces[0]
    if len({run.data.split_sha256.get(VALIDATION) for run in runs}) == 1:
        return replace(first, probs=np.mean([piece.probs for piece in pieces], axis=0))
    return replace(
        first,
        image_ids=np.concatenate([piece.image_ids for piece in pieces]),
        patient_ids=np.concatenate([piece.patient_ids for piece in pieces]),
        targets=np.concatenate([piece.targets for piece in pieces]),
        probs=np.concatenate([piece.probs for piece in pieces]),
        columns={},
    )
