"""How well heat maps point: the pointing game, the energy inside boxes, and the overlap (IoU).

H, W sides of a film's grid, K pairs of a film and a label, T thresholds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

THRESHOLDS = np.linspace(0.05, 0.95, 19)
"""(T,) shares of a map's maximum from which a place counts as marked, to choose from."""

FEWEST_PATIENTS = 10
"""Other patients with the label, to fit anything to it; with fewer, all labels serve."""

_SAME = 1e-6
"""Relative difference up to which two places of a map are equally hot."""

_BINS = 20
"""Bins of a map's values: thresholds are their lower edges, but for the first's."""


class Localisation(NamedTuple):
    """How well one map points to one film's boxes."""

    pointing: float
    """1 where the hottest place lies in a box, 0 where not; the share of them, of several."""
    energy: float
    """Share of the map's sum within the boxes."""
    overlap: NDArray[np.float64]
    """(T,) intersection over union of boxes and what reaches each threshold."""


def cover_boxes(
    boxes: Sequence[tuple[float, float, float, float]], height: int, width: int
) -> NDArray[np.float64]:
    """The share of each pixel of an (H, W) grid that lies in any of the boxes, in [0, 1].

    boxes: left, top, width and height, in pixels of the grid; parts beyond it are left out.

    >>> cover_boxes([(0.5, 0, 1.5, 1)], 2, 3).tolist()
    [[0.5, 1.0, 0.0], [0.0, 0.0, 0.0]]
    """
    cover = np.zeros((height, width))
    for left, top, across, down in boxes:
        columns = _overlap_pixels(left, left + across, width)
        rows = _overlap_pixels(top, top + down, height)
        np.maximum(cover, rows[:, None] * columns, out=cover)
    return cover


def _overlap_pixels(start: float, end: float, count: int) -> NDArray[np.float64]:
    edges = np.arange(count + 1, dtype=np.float64)
    shared: NDArray[np.float64] = np.minimum(end, edges[1:]) - np.maximum(start, edges[:-1])
    return shared.clip(0, 1)


def localise(heat: NDArray[Any], cover: NDArray[np.float64]) -> Localisation:
    """How well a map (H, W), 0 and more, points to boxes, given as `cover_boxes` (H, W).

    Pointing game: Zhang et al. 2016, arXiv:1608.00507, without a tolerance. Energy: Wang et al.
    2020, arXiv:1910.01279. An empty map points nowhere: 0 each.

    >>> heat, cover = np.array([[1.0, 3.0]]), np.array([[0.0, 1.0]])
    >>> found = localise(heat, cover)
    >>> found.pointing, found.energy, found.overlap[[0, -1]].tolist()
    (1.0, 0.75, [0.5, 1.0])
    """
    largest = float(heat.max())
    if not largest > 0:
        return Localisation(0.0, 0.0, np.zeros(len(THRESHOLDS)))
    marked, inside = heat.ravel() / largest, cover.ravel()
    pointing = float(inside[marked >= 1 - _SAME].mean())
    energy = float(marked @ inside / marked.sum())
    bins = np.minimum((marked * _BINS + _SAME).astype(np.intp), _BINS - 1)
    # How much reaches each threshold: sums from the hottest bin down.
    areas = np.bincount(bins, minlength=_BINS)[::-1].cumsum()[::-1][1:]
    shared = np.bincount(bins, weights=inside, minlength=_BINS)[::-1].cumsum()[::-1][1:]
    return Localisation(pointing, energy, shared / (areas + inside.sum() - shared))


@dataclass(frozen=True, eq=False, kw_only=True)
class FittedOverlap:
    """The IoU of each pair at the threshold that was best for other patients."""

    overlap: NDArray[np.float64]
    """(K,) NaN where no other patient has a box."""
    thresholds: NDArray[np.float64]
    """(K,) of `THRESHOLDS`."""


def fit_overlap(
    overlaps: NDArray[np.float64], labels: NDArray[np.intp], patients: NDArray[Any]
) -> FittedOverlap:
    """The IoU of K pairs, each at the threshold with the best mean IoU for other patients.

    overlaps: (K, T). labels, patients: (K,). Of equally good thresholds it is the lowest.
    """
    means = average_others(overlaps, labels, patients)
    is_fitted = ~np.isnan(means[:, 0])
    chosen = np.nan_to_num(means).argmax(axis=1)
    return FittedOverlap(
        overlap=np.where(is_fitted, overlaps[np.arange(len(overlaps)), chosen], np.nan),
        thresholds=np.where(is_fitted, THRESHOLDS[chosen], np.nan),
    )


def average_others(
    values: NDArray[np.float64], labels: NDArray[np.intp], patients: NDArray[Any]
) -> NDArray[np.float64]:
    """For each of K pairs the mean of the values (K, M) of other patients' pairs, (K, M).

    Of the pairs of its label, or of all where fewer than `FEWEST_PATIENTS` other patients have the
    label; NaN where there is no other patient.

    >>> average_others(np.array([[1.0], [2.0], [6.0]]), np.zeros(3, np.intp), list("ppq")).ravel()
    array([6. , 6. , 1.5])
    """
    patient = pd.factorize(np.asarray(patients))[0]
    of_label = _average_rest(values, labels, patient)
    of_all = _average_rest(values, np.zeros_like(labels), patient)
    mates = pd.DataFrame({"label": labels, "patient": patient}).drop_duplicates()["label"]
    others = mates.value_counts().reindex(labels).to_numpy() - 1
    return np.where((others >= FEWEST_PATIENTS)[:, None], of_label, of_all)


def _average_rest(
    values: NDArray[np.float64], groups: NDArray[np.intp], patient: NDArray[np.intp]
) -> NDArray[np.float64]:
    """The mean of each row's group without the rows of its own patient; NaN without others."""
    own = pd.factorize(pd.Series(list(zip(groups, patient, strict=True))))[0]
    rest_sum = _sum_rows(values, groups) - _sum_rows(values, own)
    ones = np.ones((len(values), 1))
    rest_count = _sum_rows(ones, groups) - _sum_rows(ones, own)
    with np.errstate(invalid="ignore"):
        mean: NDArray[np.float64] = np.where(rest_count > 0, rest_sum, np.nan) / rest_count
    return mean


def _sum_rows(values: NDArray[np.float64], groups: NDArray[np.intp]) -> NDArray[np.float64]:
    """For each row the sum of the rows of its group."""
    sums = np.zeros((int(groups.max()) + 1, values.shape[1]))
    np.add.at(sums, groups, values)
    return sums[groups]
