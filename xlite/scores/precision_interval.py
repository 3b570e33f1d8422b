"""Intervals of average precision, of a class and of the mean over classes.

N images of P patients, C classes, m positives of k patients of one class, R resamples. Targets are
(N, C) int8: 1 present, 0 absent, -1 unknown; an unknown entry is left out of its class alone.

Average precision is too high on few positives, since each counts itself among those found: of one
positive that ranks third it is 1/3, though at that threshold nothing else is found. A resample,
which draws positives twice, is higher still. So percentiles of resampled patients lie above the
truth, for random scores in 96 of 100 samples of 180 images, and 83 % of 95 % intervals hold it at
6,000 images.

What is resampled here has no patient count itself. At the score of positive i, TP and FP images
are called, of which the patient of i has `own`; that patient has m_i of all positives:

    P_i = x / (x + FP),  x = (TP - own) m / (m - m_i),  P_i = 3/4 where x + FP = 0

(of a class with positives of one patient alone, x = TP - own/2). Their mean, A, estimates average
precision with a bias that is small beside its spread; it is what the interval is laid around, with
the standard deviation s over resampled patients, which is too small for few of them:

    logit A ± t s √(k/(k-1)) / (A (1 - A)),  t Student's of k-1 degrees,

and `macro_interval` makes that of the macro mean. An interval is widened to hold the average
precision that is reported.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit, stdtrit

from xlite.scores.bootstrap import macro_interval
from xlite.scores.ranking import PerClass, Probs, Targets, average_precision, macro_mean
from xlite.scores.resampling import (
    RankedClass,
    Weights,
    draw_weights,
    number_patients,
    rank_classes,
)

UNSEEN_PRECISION = 0.75
"""The precision above which nothing else is called. With 1/2 skilled scores are estimated up to
0.02 too low at 180 to 1,500 images, with 1 as much too high."""


@dataclass(frozen=True, kw_only=True, eq=False)
class PrecisionIntervals:
    """The limits of average precision."""

    low: PerClass
    """(C,); NaN without positives of two patients, or without negatives."""
    high: PerClass
    """(C,)"""
    macro_low: float
    """Of the mean over the classes that have positives and negatives; NaN where none has."""
    macro_high: float


def precision_intervals(
    targets: Targets,
    probs: Probs,
    groups: NDArray[Any],
    *,
    rng: np.random.Generator,
    num_resamples: int = 1000,
    level: float = 0.95,
) -> PrecisionIntervals:
    """Intervals of the average precision of (N, C) targets and finite probs.

    groups: (N,) patient ids. What the intervals estimate is the average precision of endlessly many
    images of the same prevalence; docs/judging.md says how often they hold it. Raises
    ArgumentError as `ranking_scores` does.
    """
    observed = average_precision(targets, probs)
    patients, num_patients = number_patients(groups, len(targets))
    ranked = rank_classes(targets, probs, patients, num_patients)
    defined = np.flatnonzero(~np.isnan(observed))
    if not defined.size:
        nothing = np.full(len(observed), np.nan)
        return PrecisionIntervals(low=nothing, high=nothing, macro_low=np.nan, macro_high=np.nan)
    classes = [
        _Apart.of(ranked[c], targets[:, c], probs[:, c].astype(np.float64), patients)
        for c in defined
    ]
    everyone = np.ones((num_patients, 1))
    centre = np.array([each.score(everyone)[0] for each in classes])
    drawn = np.empty((num_resamples, len(classes)))
    for chunk, weights in draw_weights(num_patients, num_resamples, rng):
        for column, each in enumerate(classes):
            drawn[chunk, column] = each.score(weights)
    # Where a resample has no positives, or no others, a class stays at its own.
    drawn = np.where(np.isnan(drawn), centre, drawn)
    freedom = np.array([each.num_patients - 1 for each in classes], dtype=np.float64)
    # A class that is found perfectly, or never, has no spread, and its logit is infinite.
    inside = np.clip(centre, 1e-9, 1 - 1e-9)
    few = np.maximum(freedom, 1)
    spread = drawn.std(axis=0, ddof=1) * np.sqrt(1 + 1 / few)
    margin = stdtrit(few, 0.5 + level / 2) * spread / (inside * (1 - inside))
    limits = np.full((2, len(observed)), np.nan)
    limits[0, defined] = np.minimum(expit(logit(inside) - margin), observed[defined])
    limits[1, defined] = np.maximum(expit(logit(inside) + margin), observed[defined])
    limits[:, defined[freedom < 1]] = np.nan
    macro_low, macro_high = macro_interval(centre, drawn, freedom, level=level)
    macro = macro_mean(observed)[0]
    return PrecisionIntervals(
        low=limits[0],
        high=limits[1],
        macro_low=min(macro_low, macro),
        macro_high=max(macro_high, macro),
    )


class _Apart(NamedTuple):
    """One class, with what each positive's patient adds to the calls at its own score."""

    ranked: RankedClass
    at: NDArray[np.intp]
    """(m,) the threshold of each positive."""
    patient: NDArray[np.intp]
    """(m,) its patient."""
    own_called: NDArray[np.float64]
    """(m, 1) its patient's positives at or above its score."""
    own: NDArray[np.float64]
    """(m, 1) its patient's positives."""
    num_patients: int
    """With positives."""

    @classmethod
    def of(
        cls,
        ranked: RankedClass,
        targets: NDArray[np.int8],
        scores: NDArray[np.float64],
        patients: NDArray[np.intp],
    ) -> _Apart:
        """The class of (N,) targets and scores that `ranked` ranks."""
        rows = np.flatnonzero(targets == 1)
        at = ranked.thresholds.searchsorted(scores[rows])
        order = np.lexsort((-at, patients[rows]))
        at, patient = at[order], patients[rows][order]
        _, first, inverse, count = np.unique(
            patient, return_index=True, return_inverse=True, return_counts=True
        )
        # Sorted by patient, then from the highest score: ties are called together.
        place = np.arange(len(rows)) - first[inverse]
        is_last = np.append((np.diff(patient) != 0) | (np.diff(at) != 0), True)
        last = np.flatnonzero(is_last)[np.cumsum(np.append(False, is_last[:-1]))]
        return cls(
            ranked=ranked,
            at=at,
            patient=patient,
            own_called=(place[last] + 1.0)[:, None],
            own=count[inverse].astype(np.float64)[:, None],
            num_patients=len(first),
        )

    def score(self, weights: Weights) -> NDArray[np.float64]:
        """Mean P, (R,), for weights (P, R); NaN without positives or negatives."""
        below, num_negatives = self.ranked.weigh_negatives_below(weights)
        positives = self.ranked.weigh_positives(weights)
        found = positives[::-1].cumsum(axis=0)[::-1]
        total = found[0]
        drawn = weights[self.patient]
        false = (num_negatives - below)[self.at]
        others = total - self.own * drawn
        own_called = self.own_called * drawn
        is_alone = others <= 0
        # Of a resample with positives of one patient alone half of what it adds is left out.
        apart = found[self.at] - np.where(is_alone, own_called / 2, own_called)
        apart *= np.where(is_alone, 1, total / np.where(is_alone, 1, others))
        called = apart + false
        is_called = called > 0
        precision = np.where(is_called, apart / np.where(is_called, called, 1), UNSEEN_PRECISION)
        summed = np.einsum("mr,mr->r", drawn, precision)
        is_defined = (total > 0) & (num_negatives > 0)
        return np.where(is_defined, summed / np.where(is_defined, total, 1), np.nan)
