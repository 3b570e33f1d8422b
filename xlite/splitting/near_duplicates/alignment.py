"""Whether two films are one: the one is laid on the other, and their finest detail compared."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from xlite.splitting.near_duplicates.film import SIDE, FilmMarks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xlite.splitting.near_duplicates.index import Placement

MIN_CORRELATION = 0.8
"""Of the detail of one film, however altered, mostly 0.9 and more; of two real ones, laid on each
other as well as may be, less than half."""

_RADII = (5.0, 3.5, 2.5, 2.0, 1.5)
_MIN_MARKS = 16
_MIN_SHARED = 0.4
_MOST_STRETCH = 1.5
_RIM = 6


@dataclass(frozen=True)
class Alignment:
    """How the first film lies on the second."""

    correlation: float
    """Of their finest detail where both are, in [0, 1]."""
    is_inverted: bool
    """Whether one is the negative of the other."""
    is_mirrored: bool
    degrees: float
    """By which it is turned, clockwise, in (-180, 180]."""
    scale: float
    """How much larger it lies there: above 1 where the second was cropped."""


def align_films(
    first: FilmMarks,
    second: FilmMarks,
    details: tuple[NDArray[np.float32], NDArray[np.float32]],
    placement: Placement,
) -> Alignment | None:
    """The first film laid on the second from where `placement` has it; None where it does not fit.

    details: what `finest_detail` gives of either.
    """
    affine = _to_affine(placement)
    matched: tuple[NDArray[np.intp], NDArray[np.intp]] | None = None
    for radius in _RADII:
        matched = _match_marks(first.points, second.points, affine, radius)
        if len(matched[0]) < _MIN_MARKS:
            return None
        affine = _fit(first.points[matched[0]], second.points[matched[1]])
    assert matched is not None
    stretch = np.linalg.svd(affine[:, :2], compute_uv=False)
    if not (stretch[1] > 1 / _MOST_STRETCH and stretch[0] < _MOST_STRETCH):
        return None
    correlation = _correlate(*details, affine)
    is_bright = first.is_bright[matched[0]] == second.is_bright[matched[1]]
    is_mirrored = bool(np.linalg.det(affine[:, :2]) < 0)
    side = -1 if is_mirrored else 1
    return Alignment(
        correlation=abs(correlation),
        is_inverted=bool(is_bright.mean() < 0.5),
        is_mirrored=is_mirrored,
        degrees=math.degrees(math.atan2(side * affine[1, 0], side * affine[0, 0])),
        scale=float(np.sqrt(stretch[0] * stretch[1])),
    )


def finest_detail(shrunk: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Structures of 2 to 4 pixels, (128, 128), each as strong as its surroundings let it be."""
    grey = shrunk.astype(np.float32)
    band = cv2.GaussianBlur(grey, (7, 7), 0.8) - cv2.GaussianBlur(grey, (11, 11), 1.6)
    power = cv2.boxFilter(band * band, -1, (9, 9))
    detail = band / np.sqrt(power + np.float32(0.3 * float(np.median(power)) + 0.02))
    return np.asarray(detail, np.float32)


def _to_affine(placement: Placement) -> NDArray[np.float64]:
    turn, shift = placement.turn, placement.shift
    side = -1 if placement.is_mirrored else 1
    return np.array(
        [
            [side * turn.real, -turn.imag, shift.real],
            [side * turn.imag, turn.real, shift.imag],
        ]
    )


def _match_marks(
    points: NDArray[np.float32],
    others: NDArray[np.float32],
    affine: NDArray[np.float64],
    radius: float,
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Marks that are each other's nearest, and that near, once the first film is laid on."""
    laid = points @ affine[:, :2].T.astype(np.float32) + affine[:, 2].astype(np.float32)
    distance = (laid[:, :1] - others[:, 0]) ** 2 + (laid[:, 1:] - others[:, 1]) ** 2
    nearest = distance.argmin(axis=1)
    rows = np.arange(len(points))
    is_match = distance.argmin(axis=0)[nearest] == rows
    is_match &= distance[rows, nearest] < radius**2
    return rows[is_match], nearest[is_match]


def _fit(points: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float64]:
    """(2, 3) the affine map that takes points to others with the least squares."""
    mean, other_mean = points.mean(axis=0, dtype=float), others.mean(axis=0, dtype=float)
    from_mean, to_mean = points - mean, others - other_mean
    spread = from_mean.T @ from_mean + 1e-6 * np.eye(2)
    linear = np.linalg.solve(spread, from_mean.T @ to_mean).T
    return np.column_stack([linear, other_mean - linear @ mean])


def _correlate(
    detail: NDArray[np.float32], other: NDArray[np.float32], affine: NDArray[np.float64]
) -> float:
    laid = cv2.warpAffine(detail, affine, (SIDE, SIDE), flags=cv2.INTER_CUBIC)
    inside = np.zeros((SIDE, SIDE), np.uint8)
    inside[_RIM:-_RIM, _RIM:-_RIM] = 1
    laid_inside = cv2.warpAffine(inside, affine, (SIDE, SIDE), flags=cv2.INTER_NEAREST)
    is_shared = (np.asarray(laid_inside) > 0) & (inside > 0)
    if is_shared.mean() < _MIN_SHARED:
        return 0.0
    one, two = laid[is_shared], other[is_shared]
    one, two = one - one.mean(), two - two.mean()
    power = float(np.vdot(one, one)) * float(np.vdot(two, two))
    return float(np.vdot(one, two)) / math.sqrt(power) if power > 0 else 0.0
