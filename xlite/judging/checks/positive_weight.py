"""XL011: weights of positives that call everything positive.

C labels; those without positives or without negatives are passed over: nothing weighs them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from xlite.judging.checks.check import Check, Issue, NotApplicable, Observation, Passed
from xlite.judging.checks.run_weighting import natural_prevalence
from xlite.judging.examined.predictions import ExaminedPredictions
from xlite.judging.examined.run import ExaminedRun
from xlite.labels import UNKNOWN
from xlite.losses.class_weights import EXTREME_OPERATING_POINT, implied_operating_point
from xlite.losses.label_counts import name_classes

if TYPE_CHECKING:
    from numpy.typing import NDArray


def look(thing: ExaminedRun | ExaminedPredictions) -> Observation:
    """Of a run, the weight w that it gave to a label's positives and the label's prevalence π in
    training imply an operating point w·π/(w·π+1-π): the prob of an image about which the model
    knows nothing. Over 0.9 is absurd: N⁻/N⁺, the strongest of the named schemes, gives 0.5. Of
    predictions whose loss nobody knows, most labels have to have a mean prob over 0.9.
    """
    if isinstance(thing, ExaminedRun):
        config = thing.folder.config
        if config.pos_weight is None:
            return NotApplicable(f"the loss {thing.settings.loss.name} weighs no positives")
        return look_at_weights(
            np.array(config.pos_weight), natural_prevalence(thing), thing.folder.labels
        )
    truth = thing.truth
    if truth is None:
        return NotApplicable("what is true of the images is not known")
    is_known = truth != UNKNOWN
    count = np.maximum(is_known.sum(axis=0), 1)
    return look_at_mean_probs(
        np.where(is_known, thing.probs, 0.0).sum(axis=0) / count,
        (truth == 1).sum(axis=0) / count,
        thing.vocabulary,
    )


def look_at_weights(
    pos_weight: NDArray[np.float64], prevalence: NDArray[np.float64], labels: Sequence[str]
) -> Observation:
    """Whether any label's weight puts the prob of an image that could be anyone's over 0.9.

    pos_weight, prevalence, labels: (C,). No named scheme comes near it: N⁻/N⁺ gives 0.5. Where
    training refuses weights that do so to most labels, one such label is an ill.

    >>> precursor = np.array([5606.0, 5606.0]), np.array([0.002, 0.18]), ("Hernia", "Infiltration")
    >>> look_at_weights(*precursor).numbers["extreme"]
    2.0
    """
    is_weighed = (prevalence > 0) & (prevalence < 1)
    if not is_weighed.any():
        return NotApplicable("no label has both positives and negatives in training")
    points = implied_operating_point(pos_weight, prevalence)
    is_extreme = is_weighed & (points > EXTREME_OPERATING_POINT)
    numbers = {
        "labels": float(is_weighed.sum()),
        "extreme": float(is_extreme.sum()),
        "largest_operating_point": float(points[is_weighed].max()),
        "largest_weight": float(pos_weight[is_weighed].max()),
    }
    if not is_extreme.any():
        return Passed(
            f"weights from {pos_weight[is_weighed].min():.3g} to {pos_weight[is_weighed].max():.3g}"
            f" put no label's operating point over {points[is_weighed].max():.2f}",
            numbers,
        )
    return Issue(
        f"weights of positives up to {pos_weight[is_extreme].max():,.4g} put the implied operating "
        f"point w·π/(w·π+1-π) of {is_extreme.sum()} of {is_weighed.sum()} labels over "
        f"{EXTREME_OPERATING_POINT}: {name_classes(is_extreme, labels, points)}.",
        numbers,
    )


def look_at_mean_probs(
    mean_probs: NDArray[np.float64], prevalence: NDArray[np.float64], labels: Sequence[str]
) -> Observation:
    """The same of predictions alone, whose loss nobody knows: whether most means lie over 0.9.

    mean_probs, prevalence, labels: (C,), over the images that are judged. Under a weight w the
    mean prob is near w·π/(w·π+1-π), so that a mean over 0.9 of a label that most images lack is of
    such a weight. A label or two may have other causes, most labels hardly.
    """
    is_rare = (prevalence > 0) & (prevalence < 0.5)
    if not is_rare.any():
        return NotApplicable("no label has positives on less than half of the images")
    is_extreme = is_rare & (mean_probs > EXTREME_OPERATING_POINT)
    numbers = {
        "labels": float(is_rare.sum()),
        "extreme": float(is_extreme.sum()),
        "largest_mean_prob": float(mean_probs[is_rare].max()),
    }
    if 2 * is_extreme.sum() <= is_rare.sum():
        return Passed(
            f"the mean prob is over {EXTREME_OPERATING_POINT} for {is_extreme.sum()} of "
            f"{is_rare.sum()} labels",
            numbers,
        )
    return Issue(
        f"the mean prob is over {EXTREME_OPERATING_POINT} for {is_extreme.sum()} of "
        f"{is_rare.sum()} labels that most images lack: "
        f"{name_classes(is_extreme, labels, mean_probs)}, as where positives outweigh negatives "
        "thousandfold in the loss.",
        numbers,
    )


CHECK = Check(
    code="XL011",
    title="absurd weights of positives",
    severity="error",
    subject=ExaminedRun | ExaminedPredictions,
    look=look,
    consequence="The model calls nearly everything positive at a threshold of 0.5: recall is near "
    "1 at a precision near the prevalence, and probs say nothing.",
    remedy="Train with a named scheme (--pos-weight neg-over-pos or sqrt), or without weights, and "
    "fit thresholds on validation.",
)
