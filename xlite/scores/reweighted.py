"""Scores of one site's images, weighted so that findings and views are as common as elsewhere.

N images of P patients, C classes, V views, R resamples, K distinct scores among the positives of a
class. Every weight is one of a class, a side (with the finding or without) and a view, so that
images are ranked once and counted by view, and each weighting is a sum of V counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import sparse

from xlite.scores.resampling import RankedClass, Weights, rank_classes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from xlite.scores.ranking import Probs, Targets

REWEIGHTED = (
    *("auroc", "average_precision", "f1", "precision"),
    *("recall", "specificity", "brier"),
)
"""The scores, in the order of the rows of `Counts.score`."""


@dataclass(frozen=True, kw_only=True, eq=False)
class SiteCalls:
    """What a model says of the images of one site, what is called, and what is true."""

    targets: Targets
    """(N, C)"""
    probs: Probs
    """(N, C), by which images are ranked."""
    said: Probs
    """(N, C) probs as they are meant, scaled or not, for the Brier score."""
    is_called: NDArray[np.bool_]
    """(N, C)"""
    called_targets: Targets
    """(N, C): `targets`, but unknown where there was no threshold to call by."""
    patients: NDArray[np.intp]
    """(N,) in [0, P)."""
    views: NDArray[np.intp]
    """(N,) in [0, V)."""

    @property
    def num_patients(self) -> int:
        """P."""
        return int(self.patients.max()) + 1

    def select(self, rows: NDArray[np.bool_]) -> SiteCalls:
        """The images given by a mask, as if they were all, and of one view."""
        _, patients = np.unique(self.patients[rows], return_inverse=True)
        return SiteCalls(
            targets=self.targets[rows],
            probs=self.probs[rows],
            said=self.said[rows],
            is_called=self.is_called[rows],
            called_targets=self.called_targets[rows],
            patients=patients.astype(np.intp),
            views=np.zeros(len(patients), dtype=np.intp),
        )

    def count_classes(self, num_views: int) -> Iterator[ClassOfSite]:
        """Each class, counted by view."""
        size = self.num_patients
        cells = self.views * size + self.patients
        for column in range(self.targets.shape[1]):
            one = slice(column, column + 1)
            (ranked,) = rank_classes(
                self.targets[:, one], self.probs[:, one], cells, num_views * size
            )
            yield ClassOfSite(
                by_view=tuple(_take(ranked, view, size) for view in range(num_views)),
                sums=self._sum(column, cells, num_views),
                num_views=num_views,
            )

    def _sum(self, column: int, cells: NDArray[np.intp], num_views: int) -> sparse.csr_matrix:
        """(8 V, P) sums within patients, view by view."""
        truth, judged = self.targets[:, column], self.called_targets[:, column]
        is_called, said = self.is_called[:, column], self.said[:, column].astype(np.float64)
        missed = (said - truth) ** 2
        values = (
            *(truth == 1, truth == 0, judged == 1, judged == 0),
            *((judged == 1) & is_called, (judged == 0) & is_called),
            *(np.where(truth == 1, missed, 0.0), np.where(truth == 0, missed, 0.0)),
        )
        size = self.num_patients
        summed = [np.bincount(cells, one, num_views * size) for one in values]
        return sparse.csr_matrix(np.stack(summed).reshape(len(values) * num_views, size))


class Counts(NamedTuple):
    """What R resamples of a site have of one class, by view."""

    positives: Weights
    """(V, K, R) at each threshold."""
    outranked: Weights
    """(V, K, R) negatives below each threshold, those at it by half."""
    below: Weights
    """(V, K, R) negatives below each threshold."""
    sums: Weights
    """(8, V, R): with the finding, without; the same where it was called; true and false calls;
    squared errors of both sides."""

    @property
    def with_finding(self) -> Weights:
        """(V, R) images."""
        return np.asarray(self.sums[0])

    @property
    def without(self) -> Weights:
        """(V, R) images."""
        return np.asarray(self.sums[1])

    def score(self, positive: Weights, negative: Weights) -> NDArray[np.float64]:
        """REWEIGHTED, (7, R), each image with the finding weighing `positive`, (V, R), by its view,
        and each without it `negative`; NaN where a score or a weight is undefined.
        """
        sides = np.stack([positive, negative] * 4)
        # A view that weighs nothing may be without any image, which is no fault.
        weighed = np.where(self.sums > 0, sides * self.sums, 0.0).sum(axis=1)
        present, absent, judged, others, hits, alarms, missed, added = weighed
        found_at = _mix(positive, self.positives)
        with np.errstate(divide="ignore", invalid="ignore"):
            auroc = (found_at * _mix(negative, self.outranked)).sum(axis=0) / (present * absent)
            found = found_at[::-1].cumsum(axis=0)[::-1]
            called = found + np.maximum(absent - _mix(negative, self.below), 0)
            share = np.divide(found, called, out=np.zeros_like(found), where=called > 0)
            precision = (found_at * share).sum(axis=0) / present
            scores = np.stack(
                [
                    auroc,
                    np.where(absent > 0, precision, np.nan),
                    np.where(judged > 0, 2 * hits / (judged + hits + alarms), np.nan),
                    hits / (hits + alarms),
                    hits / judged,
                    1 - alarms / others,
                    (missed + added) / (present + absent),
                ]
            )
        is_told = ~np.isnan(positive).any(axis=0) & ~np.isnan(negative).any(axis=0)
        return np.where(is_told & np.isfinite(scores), scores, np.nan)


@dataclass(frozen=True, kw_only=True, eq=False)
class ClassOfSite:
    """One class of a site: its ranking and its sums by view and patient."""

    by_view: tuple[RankedClass, ...]
    sums: sparse.csr_matrix
    num_views: int

    def draw(self, weights: Weights) -> Counts:
        """What R resamples have, for weights (P, R) of the patients."""
        positives, outranked, below = [], [], []
        for ranked in self.by_view:
            positives.append(ranked.weigh_positives(weights))
            lower, _ = ranked.weigh_negatives_below(weights)
            below.append(lower)
            tied = 0.0 if ranked.tied is None else 0.5 * np.asarray(ranked.tied @ weights)
            outranked.append(lower + tied)
        sums = np.asarray(self.sums @ weights).reshape(-1, self.num_views, weights.shape[1])
        return Counts(np.stack(positives), np.stack(outranked), np.stack(below), sums)


def _take(ranked: RankedClass, view: int, size: int) -> RankedClass:
    """The images of one view, at the thresholds of all."""
    columns = slice(view * size, (view + 1) * size)
    return RankedClass(
        thresholds=ranked.thresholds,
        outranked=ranked.outranked[:, columns],
        tied=None if ranked.tied is None else ranked.tied[:, columns],
        positives=ranked.positives[:, columns],
    )


def _mix(weights: Weights, counts: Weights) -> Weights:
    """(K, R) counts of all views, for weights (V, R)."""
    mixed: Weights = np.einsum("vr,vkr->kr", np.nan_to_num(weights), counts)
    return mixed
