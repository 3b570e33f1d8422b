"""XL005: thresholds or calibration that were fitted on the images, or patients, that they judge.

N images, C labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from xlite.judging.checks.check import Check, Issue, NotApplicable, Observation, Passed, gather
from xlite.judging.examined.predictions import ExaminedPredictions
from xlite.judging.examined.thresholds import ExaminedThresholds, find_thresholds
from xlite.labels import UNKNOWN
from xlite.losses.label_counts import name_classes

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LEAST_POSITIVES = 5
_LEAST_LABELS = 3
_MOST_LABELS = 0.8
"""Of the labels that can tell, so many have to."""

_EXACT = 0.01
"""In standard errors. A mean prob that was fitted elsewhere lies so near by chance in 0.8 %."""


def look(predictions: ExaminedPredictions) -> Observation:
    """Calibration shows in the probs: where a scaling was fitted on these very images, the mean
    prob of each label is the share of its positives to the last digit. Thresholds lie beside the
    predictions, in a file of `--save-thresholds`, or a JSON of a number a label with "threshold" in
    its name: ours say which images and patients they have seen; anyone's were fitted on these
    where they are the very best for most labels, by F1 or by Youden's J. Thresholds beside
    predictions of validation are where they belong, and are not looked at.
    """
    if predictions.truth is None:
        return NotApplicable("what is true of the images is not known")
    seen = [
        look_at_calibration(predictions.probs, predictions.truth, predictions.vocabulary),
        *(_look_at_file(one, predictions) for one in find_thresholds(predictions)),
    ]
    return gather(seen, because="there is nothing that was fitted")


def _look_at_file(thresholds: ExaminedThresholds, predictions: ExaminedPredictions) -> Observation:
    if thresholds.fitted_on is not None:
        return look_at_seen(thresholds, predictions)
    assert predictions.truth is not None, "asked for before"
    return look_at_thresholds(
        thresholds.values_of(predictions.vocabulary),
        predictions.probs,
        predictions.truth,
        predictions.vocabulary,
    )


def look_at_seen(thresholds: ExaminedThresholds, predictions: ExaminedPredictions) -> Observation:
    """Whether thresholds of xlite's have seen images or patients that they are to judge."""
    assert thresholds.fitted_on is not None, "asked for before"
    patients = _list_patients(predictions)
    seen_images = thresholds.fitted_on.count_images(predictions.file.names)
    seen_patients = thresholds.fitted_on.count_patients(patients)
    numbers = {
        "images": len(predictions.probs),
        "seen_images": seen_images,
        "patients": len(patients),
        "seen_patients": seen_patients,
    }
    told = (
        f"{thresholds.path.name} was fitted on {seen_images:,} of its {len(predictions.probs):,} "
        f"images and {seen_patients:,} of its {len(patients):,} patients"
    )
    return Issue(f"{told}.", numbers) if seen_images + seen_patients else Passed(told, numbers)


def look_at_thresholds(
    thresholds: NDArray[np.float64],
    probs: NDArray[np.float64],
    targets: NDArray[np.int8],
    labels: Sequence[str],
) -> Observation:
    """Whether thresholds are the very best of the images that they judge, label by label.

    thresholds: (C,), NaN where there is none. probs, targets: (N, C), -1 unknown. A threshold that
    was fitted on other images gives the highest F1, or Youden's J, of all on these only by chance;
    those of most labels do not. A label whose positives all lie above its negatives can't tell.
    """
    can_tell, is_best = np.zeros((2, len(labels)), dtype=np.bool_)
    for column, threshold in enumerate(thresholds):
        is_known = targets[:, column] != UNKNOWN
        truth, values = targets[is_known, column] == 1, probs[is_known, column]
        if np.isnan(threshold) or min(truth.sum(), (~truth).sum()) < _LEAST_POSITIVES:
            continue
        if values[truth].min() > values[~truth].max():
            continue
        can_tell[column] = True
        is_best[column] = _is_best(threshold, truth, values)
    return _tell(can_tell, is_best, labels, "thresholds are the best there are for these images")


def look_at_calibration(
    probs: NDArray[np.float64], targets: NDArray[np.int8], labels: Sequence[str]
) -> Observation:
    """Whether probs were fitted on the images that they judge, so that their means are exact.

    probs, targets: (N, C), -1 unknown. A scaling by maximum likelihood, Platt's, leaves residuals
    that sum to 0 on the images that it was fitted on (as does a logistic regression on its training
    images). On others the mean prob misses the share of positives by its standard error.
    """
    is_known = targets != UNKNOWN
    can_tell = (
        (((targets == 1) & is_known).sum(axis=0) >= _LEAST_POSITIVES)
        & ((targets == 0).sum(axis=0) >= _LEAST_POSITIVES)
        & (probs.std(axis=0) > 0)
    )
    residuals = np.where(is_known, probs - (targets == 1), 0.0).sum(axis=0)
    variance = np.where(is_known, probs * (1 - probs), 0.0).sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        is_exact = can_tell & (np.abs(residuals) < _EXACT * np.sqrt(variance))
    return _tell(
        can_tell, is_exact, labels, "the mean prob is the share of positives to its last digits"
    )


def _list_patients(predictions: ExaminedPredictions) -> list[str]:
    """The patients of its images, where they are known, each once."""
    found: set[str] = set()
    for part, rows in predictions.rows_by_part.items():
        ids = predictions.table_of(part).patient_ids
        found |= set() if ids is None else set(ids[rows[rows >= 0]].tolist())
    return sorted(found)


def _is_best(threshold: float, truth: NDArray[np.bool_], values: NDArray[np.float64]) -> bool:
    order = np.argsort(-values, kind="stable")
    hits = np.cumsum(truth[order])
    called = np.arange(1, len(order) + 1)
    # A threshold calls all of equal probs or none of them.
    is_end = np.append(np.diff(values[order]) != 0, True)
    positives, negatives = int(truth.sum()), int((~truth).sum())
    num_called = int((values >= threshold).sum())
    if num_called == 0:
        return False
    at = num_called - 1
    f1 = 2 * hits / (called + positives)
    youden = hits / positives - (called - hits) / negatives
    return any(score[at] >= score[is_end].max() - 1e-12 for score in (f1, youden))


def _tell(
    can_tell: NDArray[np.bool_], is_fitted: NDArray[np.bool_], labels: Sequence[str], what: str
) -> Observation:
    told, fitted = int(can_tell.sum()), int(is_fitted.sum())
    if told < _LEAST_LABELS:
        return NotApplicable(
            f"{told} labels can tell: fewer than {_LEAST_LABELS} have {_LEAST_POSITIVES} positives "
            "and negatives that are not told apart without error"
        )
    numbers = {"labels": float(told), "fitted": float(fitted)}
    sentence = f"of {fitted} of {told} labels {what}"
    if fitted >= max(_LEAST_LABELS, _MOST_LABELS * told):
        return Issue(f"{sentence}: {name_classes(is_fitted, labels)}.", numbers)
    return Passed(sentence, numbers)


CHECK = Check(
    code="XL005",
    title="thresholds or calibration fitted on what they judge",
    severity="error",
    subject=ExaminedPredictions,
    look=look,
    consequence="F1, sensitivity, specificity and calibration are too good, most of all for rare "
    "labels, whose thresholds fit the chance of a few images.",
    remedy="Fit them on validation and judge test (`xlite evaluate RUN --save-thresholds T.json`, "
    "then `--part test --thresholds T.json`), or leave them out: they are cross-fitted then.",
)
