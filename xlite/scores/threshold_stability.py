"""How far fitted F1 thresholds can be trusted: at the edge of their range, or moved by chance.

N images, C classes, R resamples of the patients. Targets are (N, C) int8: 1 present, 0 absent, -1
unknown; an unknown entry is left out of its class alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xlite.scores.bootstrap import percentile_interval
from xlite.scores.ranking import PerClass, Probs, Targets, ThresholdSweep, sweep_classes
from xlite.scores.reliability import check_probs
from xlite.scores.resampling import draw_weights, number_patients, rank_classes
from xlite.scores.thresholded import fit_f1_thresholds, place_threshold

MOST_F1_LOST = 0.1
"""A threshold is unstable when refitting it on other patients may cost this share of its F1."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ThresholdStability:
    """What is to be noted about the fitted F1 threshold of each class; arrays are (C,)."""

    threshold: PerClass
    """Fitted on all rows; NaN without positives."""
    low: PerClass
    """Lower 95 % percentile of the thresholds refitted on resampled patients."""
    high: PerClass
    """Upper 95 % percentile of them."""
    f1: PerClass
    """F1 on the rows of the fit, so an optimistic one."""
    f1_refitted: PerClass
    """Lower 5 % percentile of the F1 that the refitted thresholds reach on these rows."""
    calls_all_positives: NDArray[np.bool_]
    """At the lower edge: no positive scores below the threshold, a lower one was not tried."""
    calls_top_score_only: NDArray[np.bool_]
    """At the upper edge: only the highest score of a positive is called."""
    is_unstable: NDArray[np.bool_]
    """f1_refitted is more than a tenth below f1."""


def judge_f1_thresholds(
    targets: Targets,
    probs: Probs,
    groups: NDArray[Any],
    *,
    rng: np.random.Generator,
    num_resamples: int = 200,
) -> ThresholdStability:
    """The F1 thresholds of (N, C) targets and probs, and why each is not to be trusted, if so.

    groups: (N,) patient ids. The threshold is refitted on patients drawn with replacement, and the
    F1 that it then reaches on all rows is compared with that of the fit: what the choice owes to
    the patients at hand, apart from how the F1 of a fixed threshold varies. A class without
    positives is NaN and has no flag set. Raises ArgumentError for probs outside [0, 1].
    """
    check_probs(targets, probs)
    patients, num_patients = number_patients(groups, len(targets))
    sweeps = sweep_classes(targets, probs)
    ranked = rank_classes(targets, probs, patients, num_patients)
    chosen = np.full((len(sweeps), num_resamples), -1)
    for chunk, weights in draw_weights(num_patients, num_resamples, rng):
        for column, ranking in enumerate(ranked):
            positives = ranking.weigh_positives(weights)
            below, num_negatives = ranking.weigh_negatives_below(weights)
            found = positives[::-1].cumsum(axis=0)[::-1]
            num_positives = positives.sum(axis=0)
            if num_positives.any():
                scores = _f1(found, num_negatives - below, num_positives)
                chosen[column, chunk] = np.where(num_positives > 0, _last_best(scores), -1)
    notes = [_note(sweep, picks[picks >= 0]) for sweep, picks in zip(sweeps, chosen, strict=True)]
    columns = [np.array(values) for values in zip(*notes, strict=True)]
    low, high, fitted, refitted, is_lowest, is_highest = columns
    return ThresholdStability(
        threshold=fit_f1_thresholds(targets, probs),
        low=low,
        high=high,
        f1=fitted,
        f1_refitted=refitted,
        calls_all_positives=is_lowest,
        calls_top_score_only=is_highest,
        is_unstable=refitted < (1 - MOST_F1_LOST) * fitted,
    )


def _note(
    sweep: ThresholdSweep, picks: NDArray[np.int64]
) -> tuple[float, float, float, float, bool, bool]:
    """Low, high, F1, refitted F1 and the two edges, from the thresholds that resamples picked."""
    if sweep.num_positives == 0:
        return np.nan, np.nan, np.nan, np.nan, False, False
    scores = _f1(sweep.true_positives, sweep.false_positives, sweep.num_positives)
    best = int(_last_best(scores))
    distinct, inverse = np.unique(picks, return_inverse=True)
    placed = np.array([place_threshold(sweep, int(index)) for index in distinct])
    low, high = percentile_interval(placed[inverse])
    refitted, _ = percentile_interval(scores[picks], level=0.9)
    is_highest = best == len(scores) - 1 and len(scores) > 1
    return float(low), float(high), float(scores[best]), float(refitted), best == 0, is_highest


def _f1(found: NDArray[Any], false_alarms: NDArray[Any], num_positives: Any) -> NDArray[np.float64]:
    """F1 at each of K thresholds; a resample without positives divides by at least 1."""
    return np.asarray(2 * found / np.maximum(found + false_alarms + num_positives, 1))


def _last_best(scores: NDArray[np.float64]) -> NDArray[np.int64]:
    """The highest threshold of the best, along the first axis: the fewest false alarms."""
    return np.asarray(len(scores) - 1 - np.argmax(scores[::-1], axis=0))
