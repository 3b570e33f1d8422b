"""XL026: scores of training images that pass for validation.

N images of a file or part, E epochs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from xlite.judging.checks.check import Check, Issue, NotApplicable, Observation, Passed
from xlite.judging.examined.predictions import ExaminedPredictions
from xlite.judging.examined.run import ExaminedRun

if TYPE_CHECKING:
    from numpy.typing import NDArray

_COVERED = 0.9
_MOST = 0.5
"""From this share on images are training's own, and no overlap of a split."""


def look(thing: ExaminedPredictions | ExaminedRun) -> Observation:
    """Of predictions whose split is known, at least half of the images are in its training part,
    though the file is not called after training, nor has the other parts as well, as predictions
    out of fold do. Of a run, a score of validation in its history is that of training in every
    epoch, to the last digit.
    """
    if isinstance(thing, ExaminedRun):
        return look_at_history(thing.folder.history)
    if "train" in thing.path.name.lower():
        return NotApplicable("the name of the file says that they are of training")
    rows = thing.rows_by_part.get("train")
    if rows is None:
        return NotApplicable("no split with a training part is known of its images")
    if any(_is_covered(thing, part) for part in thing.rows_by_part if part != "train"):
        return NotApplicable("it is of the other parts, too, as out-of-fold predictions are")
    return look_at_images(rows >= 0, what=thing.part or thing.path.name)


def _is_covered(predictions: ExaminedPredictions, part: str) -> bool:
    """Whether a part's images are in the file, beside any of training's."""
    rows = predictions.rows_by_part[part]
    there = int((rows >= 0).sum())
    is_mixed = bool((predictions.rows_by_part["train"] >= 0).any())
    return is_mixed and there >= _COVERED * max(len(predictions.table_of(part)), 1)


def look_at_images(is_trained_on: NDArray[np.bool_], *, what: str) -> Observation:
    """Whether most of the images that are judged are in training.

    is_trained_on: (N,). what: what the images are of, such as "validation".
    """
    count, share = int(is_trained_on.sum()), float(is_trained_on.mean())
    numbers = {"images": float(len(is_trained_on)), "trained_on": float(count)}
    if share < _MOST:
        return Passed(
            f"{count:,} of {len(is_trained_on):,} images of {what} are in training.", numbers
        )
    return Issue(
        f"{count:,} of {len(is_trained_on):,} images of {what} ({share:.0%}) are in training.",
        numbers,
    )


def look_at_history(history: Sequence[Mapping[str, float]]) -> Observation:
    """Whether a column of validation is that of training, epoch by epoch, to the last digit.

    history: a row an epoch, with columns as `train_loss` and `val_loss`, or `loss` and `val_loss`.
    """
    columns = set(history[0]) if history else set()
    pairs = [
        (train, name)
        for name in sorted(columns)
        if name.startswith(("val_", "valid_", "validation_"))
        for train in (f"train_{_score(name)}", f"training_{_score(name)}", _score(name))
        if train in columns
    ]
    if not pairs:
        return NotApplicable("the history has no score of both training and validation")
    if len(history) < 2:
        return NotApplicable("one epoch is too few to compare training with validation")
    equal = [(a, b) for a, b in pairs if _are_equal(history, a, b)]
    numbers = {
        "epochs": float(len(history)),
        "pairs": float(len(pairs)),
        "equal": float(len(equal)),
    }
    if not equal:
        return Passed(
            f"in {len(history)} epochs {', '.join(b for _, b in pairs)} differ from training's",
            numbers,
        )
    named = ", ".join(f"{b} = {a}" for a, b in equal)
    return Issue(f"in each of {len(history)} epochs {named}.", numbers)


def _score(name: str) -> str:
    return name.partition("_")[2]


def _are_equal(history: Sequence[Mapping[str, float]], one: str, other: str) -> bool:
    values = np.array([[row[one], row[other]] for row in history])
    known = values[~np.isnan(values).any(axis=1)]
    # A loss of 0 in all epochs, say, tells nothing.
    is_varied = len(known) > 1 and len(set(known[:, 0].tolist())) > 1
    return bool(is_varied and (known[:, 0] == known[:, 1]).all())


CHECK = Check(
    code="XL026",
    title="training scores that pass for validation",
    severity="error",
    subject=ExaminedPredictions | ExaminedRun,
    look=look,
    consequence="The score says how well the model remembers its training images, and nothing of "
    "others; the best epoch, thresholds and verdicts that rest on it are as wrong.",
    remedy="Predict the validation part, and judge that: `xlite evaluate --predictions P.csv "
    "--labels val.csv`.",
)
