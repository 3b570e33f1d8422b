"""How well the maps of a run point to boxes, beside the centre, the mean box, and new weights.

M pairs of a film and a label with boxes, R draws of weights, h and w a map's sides.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from xlite.explaining.film_geometry import lay_on_film, scored_shape
from xlite.results.explanation import Beside, LabelLocalisation, Measure
from xlite.scores.clustered_means import compare_means, measure_mean
from xlite.scores.localisation import (
    THRESHOLDS,
    Localisation,
    average_others,
    cover_boxes,
    fit_overlap,
    localise,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from xlite.explaining.boxes import MatchedBoxes
    from xlite.settings import ClaheSettings

_MEAN_BOX_SIDE = 48
"""Cells a side of the map that the mean box is: a fiftieth of a film."""


@dataclass(frozen=True, eq=False, kw_only=True)
class PairScores:
    """What one kind of map reaches on each of M pairs."""

    pointing: NDArray[np.float64]
    energy: NDArray[np.float64]
    overlaps: NDArray[np.float64]
    """(M, T) at each threshold."""
    iou: NDArray[np.float64]
    """At the threshold fitted on other patients."""
    thresholds: NDArray[np.float64]


@dataclass(frozen=True, eq=False, kw_only=True)
class ScoredPairs:
    """All that is compared, on M pairs."""

    columns: NDArray[np.intp]
    patients: NDArray[Any]
    num_boxes: NDArray[np.intp]
    is_called: NDArray[np.bool_] | None
    is_empty: NDArray[np.bool_]
    own: PairScores
    others: dict[str, PairScores]
    """By the field of `Measure`."""

    def describe(self, kept: NDArray[np.bool_]) -> LabelLocalisation:
        """The scores of some of the pairs, with intervals over patients."""
        thresholds = self.own.thresholds[kept]
        is_fitted = ~np.isnan(thresholds)
        return LabelLocalisation(
            films=int(kept.sum()),
            patients=len(np.unique(self.patients[kept])),
            boxes=int(self.num_boxes[kept].sum()),
            called=None if self.is_called is None else int(self.is_called[kept].sum()),
            empty=int(self.is_empty[kept].sum()),
            pointing=self._measure("pointing", kept),
            energy=self._measure("energy", kept),
            iou=self._measure("iou", kept),
            threshold=float(np.median(thresholds)) if is_fitted.all() else float("nan"),
        )

    def _measure(self, name: str, kept: NDArray[np.bool_]) -> Measure:
        own, patients = getattr(self.own, name)[kept], self.patients[kept]
        mean = measure_mean(own, patients)
        beside = {}
        for kind, scores in self.others.items():
            values = getattr(scores, name)[kept]
            other, gain = measure_mean(values, patients), compare_means(own, values, patients)
            beside[kind] = Beside(
                value=other.value,
                low=other.low,
                high=other.high,
                gain=gain.value,
                gain_low=gain.low,
                gain_high=gain.high,
            )
        return Measure(value=mean.value, low=mean.low, high=mean.high, **beside)


def score_pairs(
    boxes: MatchedBoxes,
    maps: NDArray[np.float32],
    randomised: NDArray[np.float32],
    patients: NDArray[Any],
    is_called: NDArray[np.bool_] | None,
    clahe: ClaheSettings,
) -> ScoredPairs:
    """The scores of M pairs, those of `boxes` in their order.

    maps: (M, h, w). randomised: (R, M, h, w) of models with new weights. patients: (M,).
    """
    pairs = list(boxes.by_pair)
    columns = np.array([column for _, column in pairs], dtype=np.intp)
    films = [boxes.shapes[row] for row, _ in pairs]
    covers = [
        _cover(found, film, scored_shape(*film))
        for found, film in zip(boxes.by_pair.values(), films, strict=True)
    ]
    square = (_MEAN_BOX_SIDE, _MEAN_BOX_SIDE)
    small = np.array(
        [
            _cover(found, film, square).ravel()
            for found, film in zip(boxes.by_pair.values(), films, strict=True)
        ]
    )
    # Sums without a patient's own leave 1e-17 where nothing is.
    means = average_others(small, columns, patients).clip(min=1e-9).reshape(-1, *square)

    def score(draw: Callable[[int], NDArray[Any]]) -> list[Localisation]:
        return [localise(draw(m), cover) for m, cover in enumerate(covers)]

    def lay(of: NDArray[np.float32]) -> Callable[[int], NDArray[Any]]:
        return lambda m: lay_on_film(of[m : m + 1], films[m], clahe, grid=covers[m].shape)[0]

    def resize(m: int) -> NDArray[Any]:
        height, width = covers[m].shape
        return np.asarray(cv2.resize(means[m], (width, height), interpolation=cv2.INTER_LINEAR))

    def gather(scored: Sequence[Sequence[Localisation]]) -> PairScores:
        return _gather(scored, columns, patients)

    is_alone = np.isnan(means).all(axis=(1, 2))
    return ScoredPairs(
        columns=columns,
        patients=patients,
        num_boxes=np.array(list(map(len, boxes.by_pair.values())), dtype=np.intp),
        is_called=is_called,
        is_empty=maps.max(axis=(1, 2)) <= 0,
        own=gather([score(lay(maps))]),
        others={
            "centre": gather([score(lambda m: draw_centre(*covers[m].shape))]),
            "mean_box": _without(gather([score(resize)]), is_alone),
            "randomised": gather([score(lay(draw)) for draw in randomised]),
        },
    )


def draw_centre(height: int, width: int) -> NDArray[np.float64]:
    """A map (H, W) that falls from 1 at the film's centre to 0 in its corners.

    >>> draw_centre(3, 3).round(2).tolist()
    [[0.33, 0.53, 0.33], [0.53, 1.0, 0.53], [0.33, 0.53, 0.33]]
    """
    y, x = ((np.arange(side) + 0.5) / side * 2 - 1 for side in (height, width))
    distance = np.hypot(y[:, None], x[None, :]) / np.sqrt(2)
    result: NDArray[np.float64] = 1 - distance
    return result


def _cover(
    boxes: Sequence[tuple[float, float, float, float]],
    film: tuple[int, int],
    grid: tuple[int, int],
) -> NDArray[np.float64]:
    """The share of each pixel of a grid over a film that its boxes cover."""
    down, across = grid[0] / film[0], grid[1] / film[1]
    scaled = [(x * across, y * down, w * across, h * down) for x, y, w, h in boxes]
    return cover_boxes(scaled, *grid)


def _gather(
    scored: Sequence[Sequence[Localisation]], columns: NDArray[np.intp], patients: NDArray[Any]
) -> PairScores:
    """The mean of several maps of each pair, and the IoU at thresholds fitted to that mean."""
    overlaps = np.mean([[one.overlap for one in draw] for draw in scored], axis=0)
    fitted = fit_overlap(overlaps.reshape(-1, len(THRESHOLDS)), columns, patients)
    return PairScores(
        pointing=np.mean([[one.pointing for one in draw] for draw in scored], axis=0),
        energy=np.mean([[one.energy for one in draw] for draw in scored], axis=0),
        overlaps=overlaps,
        iou=fitted.overlap,
        thresholds=fitted.thresholds,
    )


def _without(scores: PairScores, is_unknown: NDArray[np.bool_]) -> PairScores:
    """The scores, NaN where what they are of is not known."""
    hide = np.where(is_unknown, np.nan, 0.0)
    return PairScores(
        pointing=scores.pointing + hide,
        energy=scores.energy + hide,
        overlaps=scores.overlaps,
        iou=scores.iou + hide,
        thresholds=scores.thresholds,
    )
