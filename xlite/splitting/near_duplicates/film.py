"""One film as the near-duplicate index knows it: its marks, and words for what lies between them.

A mark is a small blob, bright or dark, of the film shrunk to 128 x 128 pixels and freed of local
contrast, which takes exposure, gamma and CLAHE out. Two neighbouring marks of one polarity span a
frame that moves, turns and grows with the film. The signs of a patch's frequencies in that frame,
with mirror images and negatives folded onto one, are 62 bits that stay the same when the film is
altered: a word. K marks, W words a film.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIDE = 128
"""Edge of the shrunk film, in pixels: 2.7 mm each of a detector of 35 cm."""
MAX_MARKS = 96
WORD_BITS = 62

_SMALLEST = 16
_TAIL_PERCENT = 0.5
_NEIGHBOURS = 4
_NEAREST, _FARTHEST = 12.0, 60.0
_EDGE = 4
_ROUND_MARK = np.ones((5, 5), np.uint8)
_MIN_CONTRAST = 1e-3
_MIN_STRENGTH = 0.05
"""Of a mark, where its surroundings have about 1: rounding alone has 0.0001."""

# The patch reaches 0.3 of the marks' distance beyond either mark, and half of it to either side.
_BEYOND, _ASIDE = 0.3, 0.5
_ALONG, _ACROSS = 13, 11


class FilmMarks(NamedTuple):
    """What is kept of a film: about 2.9 KB."""

    points: NDArray[np.float32]
    """(K, 2) x and y of the marks in the shrunk film, strongest first."""
    is_bright: NDArray[np.bool_]
    """(K,)."""
    words: NDArray[np.uint64]
    """(W,) in the lower 62 bits, the coarsest frequency in the highest of them."""
    ends: NDArray[np.uint8]
    """(W, 2) the marks that span each word's frame, in the frame's order."""
    is_mirrored: NDArray[np.bool_]
    """(W,) whether the frame is left-handed."""


def shrink_film(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    """The (H, W) grey image as (128, 128) uint8; squashed where it is not square.

    Wider pixels are spread over the range that 99 % of the film's take.
    """
    is_larger = min(pixels.shape) >= SIDE
    way = cv2.INTER_AREA if is_larger else cv2.INTER_LINEAR
    small = np.asarray(cv2.resize(pixels, (SIDE, SIDE), interpolation=way))
    if small.dtype == np.uint8:
        return np.asarray(small, np.uint8)
    low, high = np.percentile(small, (_TAIL_PERCENT, 100 - _TAIL_PERCENT))
    spread = (small.astype(np.float32) - low) * (255 / max(high - low, 1))
    return np.asarray(np.clip(np.rint(spread), 0, 255), np.uint8)


def describe_film(shrunk: NDArray[np.uint8]) -> FilmMarks:
    """The marks and words of a film that `shrink_film` gives; none of one without structure."""
    detail = _even_out(shrunk)
    points, is_bright = _find_marks(detail)
    first, second = _pair_marks(points, is_bright)
    smooth = np.asarray(cv2.GaussianBlur(detail, (7, 7), 1), np.float32)
    return _describe_pairs(smooth, points, is_bright, first, second)


def _even_out(shrunk: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Structures of 3 to 10 pixels, (128, 128), with the contrast of their surroundings taken
    out."""
    grey = shrunk.astype(np.float32)
    band = cv2.GaussianBlur(grey, (9, 9), 1) - cv2.GaussianBlur(grey, (19, 19), 3)
    power = cv2.boxFilter(band * band, -1, (13, 13))
    contrast = np.sqrt(power + np.float32(0.01 * float(power.mean()) + _MIN_CONTRAST))
    return np.asarray(band / contrast, np.float32)


def _find_marks(detail: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """(K, 2) the strongest blobs, to a fraction of a pixel, and (K,) whether they are bright."""
    smooth = cv2.GaussianBlur(detail, (9, 9), 1.2)
    strength = np.abs(smooth)
    is_mark = (cv2.dilate(strength, _ROUND_MARK) == strength) & (strength > _MIN_STRENGTH)
    is_mark[:_EDGE] = is_mark[-_EDGE:] = False
    is_mark[:, :_EDGE] = is_mark[:, -_EDGE:] = False
    flat = strength.ravel()
    places = np.flatnonzero(is_mark)
    places = places[np.argsort(-flat[places], kind="stable")[:MAX_MARKS]]
    points = np.empty((len(places), 2), np.float32)
    for axis, step in ((0, 1), (1, SIDE)):
        before, at, after = flat[places - step], flat[places], flat[places + step]
        bend = np.maximum(2 * at - before - after, np.float32(1e-6))
        whole = places % SIDE if axis == 0 else places // SIDE
        points[:, axis] = whole + np.clip((after - before) / (2 * bend), -0.5, 0.5)
    return points, smooth.ravel()[places] > 0


def _pair_marks(
    points: NDArray[np.float32], is_bright: NDArray[np.bool_]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Each mark with its nearest of one polarity that are not too near, each pair once."""
    if len(points) < 2:
        return np.empty(0, np.intp), np.empty(0, np.intp)
    x, y = points[:, 0], points[:, 1]
    distance = (x[:, None] - x) ** 2 + (y[:, None] - y) ** 2
    distance[(distance < _NEAREST**2) | (is_bright[:, None] != is_bright)] = np.inf
    count = min(_NEIGHBOURS, len(points) - 1)
    near = np.argpartition(distance, count - 1, axis=1)[:, :count]
    one = np.repeat(np.arange(len(points)), count)
    other = near.ravel()
    is_near = distance[one, other] < _FARTHEST**2
    one, other = one[is_near], other[is_near]
    is_pair = np.zeros((len(points), len(points)), np.bool_)
    is_pair[np.minimum(one, other), np.maximum(one, other)] = True
    first, second = np.nonzero(is_pair)
    return first, second


def _describe_pairs(
    detail: NDArray[np.float32],
    points: NDArray[np.float32],
    is_bright: NDArray[np.bool_],
    first: NDArray[np.intp],
    second: NDArray[np.intp],
) -> FilmMarks:
    frames = _frames()
    start, along = points[first], points[second] - points[first]
    corners = np.stack(_place(start, along, frames.corners))
    is_within = ((corners > -_EDGE) & (corners < SIDE - 1 + _EDGE)).all(axis=(0, 2))
    start, along = start[is_within], along[is_within]
    first, second = first[is_within], second[is_within]
    if not len(first):
        none = np.empty(0, np.uint64)
        ends = np.empty((0, 2), np.uint8)
        return FilmMarks(points, is_bright, none, ends, np.empty(0, np.bool_))
    x, y = _place(start, along, frames.grid)
    patch = cv2.remap(detail, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    patch = np.asarray(patch).reshape(-1, _ACROSS, _ALONG)
    # Many small products: one large product would wake a thread on every core.
    waves = frames.across @ (patch @ frames.along)
    waves = waves.reshape(len(first), -1)[:, frames.order]
    is_positive = (waves > 0) == is_bright[first][:, None]
    is_turned, is_flipped = ~is_positive[:, 0], ~is_positive[:, 1]
    bits = is_positive[:, 2:] ^ (frames.is_odd_along & is_turned[:, None])
    bits ^= frames.is_odd_across & is_flipped[:, None]
    padded = np.zeros((len(bits), 64), np.bool_)
    padded[:, 64 - WORD_BITS :] = bits
    words = np.packbits(padded, axis=1).view(">u8").ravel().astype(np.uint64)
    ends = np.stack([first, second], axis=1).astype(np.uint8)
    ends[is_turned] = ends[is_turned, ::-1]
    return FilmMarks(points, is_bright, words, ends, is_turned ^ is_flipped)


@dataclass(frozen=True)
class _Frames:
    """Where a patch is sampled in its frame, and the waves that it is projected on."""

    grid: NDArray[np.float32]
    """(2, P) along and across the frame, in units of its marks' distance."""
    corners: NDArray[np.float32]
    """(2, 4)."""
    along: NDArray[np.float32]
    """(13, 13) samples by waves."""
    across: NDArray[np.float32]
    """(11, 11) waves by samples."""
    order: NDArray[np.intp]
    """(64,) of the products of waves, those that are kept: odd along the frame, odd across it, then
    those of the bits."""
    is_odd_along: NDArray[np.bool_]
    """(62,)."""
    is_odd_across: NDArray[np.bool_]
    """(62,)."""


@cache
def _frames() -> _Frames:
    along = np.linspace(-_BEYOND, 1 + _BEYOND, _ALONG)
    across = np.linspace(-_ASIDE, _ASIDE, _ACROSS)
    u, v = np.meshgrid(along, across)
    # Waves that are even in both directions say mostly that there are marks: their signs are alike.
    orders = [(i, j) for i in range(_ALONG) for j in range(_ACROSS) if i % 2 or j % 2]
    orders.sort(key=lambda order: (order[0] + 1.3 * order[1], order))
    references = [(1, 0), (0, 1)]
    kept = [order for order in orders if order not in references][:WORD_BITS]
    ends = [(along[a], across[b]) for a in (0, -1) for b in (0, -1)]
    return _Frames(
        grid=np.stack([u.ravel(), v.ravel()]).astype(np.float32),
        corners=np.array(ends, np.float32).T,
        along=_waves((along - 0.5) / (0.5 + _BEYOND)),
        across=np.ascontiguousarray(_waves(across / _ASIDE).T),
        order=np.array([j * _ALONG + i for i, j in (*references, *kept)]),
        is_odd_along=np.array([i % 2 == 1 for i, _ in kept]),
        is_odd_across=np.array([j % 2 == 1 for _, j in kept]),
    )


def _waves(places: NDArray[np.float64]) -> NDArray[np.float32]:
    """(P, P) a column a frequency, at P places in [-1, 1], fading to the ends."""
    orders = np.arange(len(places))
    fading = np.cos(np.pi * places / 2.4)
    waves = fading[:, None] * np.cos(np.pi / 2 * (places[:, None] + 1) * orders)
    return np.ascontiguousarray(waves, np.float32)


def _place(
    start: NDArray[np.float32], along: NDArray[np.float32], grid: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(W, P) x and y of the grid's points in each frame."""
    u, v = grid
    dx, dy = along[:, :1], along[:, 1:]
    x = u * dx
    x -= v * dy
    x += start[:, :1]
    y = u * dy
    y += v * dx
    y += start[:, 1:]
    return x, y
