"""XL024: a label for which a model says the same of every image."""

from __future__ import annotations

import numpy as np

from xlite.judging.checks.check import Check, Issue, NotApplicable, Observation, Passed
from xlite.judging.examined.predictions import ExaminedPredictions

_LEAST_IMAGES = 10
_MOST_OF_ONE_VALUE = 0.99
_LEAST_SPREAD = 1e-6


def look(predictions: ExaminedPredictions) -> Observation:
    """The probs of a label differ by less than 1e-6 over all images, or 99 in 100 are one value.

    Dead units, a saturated sigmoid and a column that somebody filled with zeros all look so. It
    takes ten images to be told.
    """
    probs = predictions.probs
    if len(probs) < _LEAST_IMAGES:
        return NotApplicable(f"there are {len(probs)} images, and {_LEAST_IMAGES} are needed")
    constant = {}
    for column, label in enumerate(predictions.vocabulary):
        values, counts = np.unique(probs[:, column], return_counts=True)
        share = counts.max() / len(probs)
        if np.ptp(values) < _LEAST_SPREAD or share >= _MOST_OF_ONE_VALUE:
            constant[label] = float(values[counts.argmax()])
    numbers = {"labels": len(predictions.vocabulary), "constant": len(constant)}
    if not constant:
        return Passed(f"the probs of all {len(predictions.vocabulary)} labels vary", numbers)
    named = ", ".join(f"{label} ({value:.3g})" for label, value in constant.items())
    return Issue(
        f"{len(constant)} of {len(predictions.vocabulary)} labels have one prob for all "
        f"{len(probs):,} images: {named}.",
        numbers,
    )


CHECK = Check(
    code="XL024",
    title="constant outputs",
    severity="error",
    subject=ExaminedPredictions,
    look=look,
    consequence="The label's AUROC is 0.5 by construction, and it pulls the macro mean towards it "
    "while the model looks trained.",
    remedy="Train again with a lower learning rate, or with a loss that does not weigh the label's "
    "positives down; leave the label out if it was never predicted.",
)
