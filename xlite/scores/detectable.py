"""What difference a set of images can tell, before anything is trained on it.

The standard error of an AUROC is that of Hanley and McNeil (1982) in Newcombe's symmetric form, as
in `auroc_interval`: of 40 positives among 440 normal scores at 0.8 it is 0.037, they vary by 0.036,
and the unsymmetric form gives 0.043. That of a share p among k images is √(p(1-p)/k). Seeds are
trained anew and the images stay: with S of them

    se² = se_images² + σ_seed² / S

A score is told from a fixed value at a true distance of (z_0.975 + z_0.8) se = 2.80 se, in four of
five repetitions and with an error of 5 % where there is none. Images are taken for independent, and
so are labels of a macro mean: both make this a lower limit, below which no plan can get.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from scipy.special import ndtri

from xlite.scores.auroc_interval import auroc_variance

SEED_DEVIATION: Final = 0.01
"""The standard deviation of a macro AUROC over seeds that is assumed before any is trained."""

_OF_POSITIVES = ("recall", "sensitivity")
_OF_NEGATIVES = ("specificity",)
_OF_BOTH = ("recall", "specificity")


def auroc_error(auroc: float, num_positives: int, num_negatives: int) -> float:
    """The standard error of an AUROC in [0, 1]; NaN without positives or without negatives.

    >>> round(auroc_error(0.8, 30, 100), 4), auroc_error(0.8, 0, 100)
    (0.0463, nan)
    """
    if num_positives < 1 or num_negatives < 1:
        return math.nan
    counts = np.array([num_positives]), np.array([num_negatives])
    return float(np.sqrt(auroc_variance(np.array([auroc]), *counts)[0]))


def score_error(score: str, value: float, num_positives: int, num_negatives: int) -> float:
    """The standard error of one label's score from the images alone; NaN where none is known.

    score: `auroc`, `recall`, `sensitivity`, `specificity`, or `balanced_accuracy`, for which both
    are taken to be equal; of others there is no such formula. value: in [0, 1].

    >>> round(score_error("sensitivity", 0.7, 50, 500), 4)
    0.0648
    """
    if score == "auroc":
        return auroc_error(value, num_positives, num_negatives)
    if score == "balanced_accuracy":
        of_both = (score_error(one, value, num_positives, num_negatives) for one in _OF_BOTH)
        return math.hypot(*of_both) / 2
    count = num_positives if score in _OF_POSITIVES else num_negatives
    if score not in (*_OF_POSITIVES, *_OF_NEGATIVES) or count < 1:
        return math.nan
    return math.sqrt(value * (1 - value) / count)


def macro_error(errors: Sequence[float]) -> float:
    """The standard error of the mean over labels that are independent; undefined ones are left out.

    >>> round(macro_error([0.03, 0.04, math.nan]), 4)
    0.025
    """
    known = [error for error in errors if not math.isnan(error)]
    return math.hypot(*known) / len(known) if known else math.nan


def total_error(
    of_images: float, *, num_seeds: int, seed_deviation: float = SEED_DEVIATION
) -> float:
    """The standard error of a mean over seeds that are judged on the same images.

    >>> round(total_error(0.02, num_seeds=4), 4)
    0.0206
    """
    return math.hypot(of_images, seed_deviation / math.sqrt(num_seeds))


def detectable_difference(error: float, *, power: float = 0.8, level: float = 0.95) -> float:
    """The true distance from a fixed value that is found with this power, two-sided.

    >>> round(detectable_difference(0.01), 4)
    0.028
    """
    return error * float(ndtri(0.5 + level / 2) + ndtri(power))
