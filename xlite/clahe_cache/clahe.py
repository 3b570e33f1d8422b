"""Contrast-limited adaptive histogram equalisation (CLAHE) of a whole radiograph.

Zuiderveld, "Contrast Limited Adaptive Histogram Equalization", Graphics Gems IV, 1994. It runs
at full resolution and the image is reduced afterwards, because the clip limit works on the
noise of the detector's pixels, which area averaging would have removed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import cv2
import numpy as np

from xlite.settings import ClaheSettings

if TYPE_CHECKING:
    from numpy.typing import NDArray

ORDER = "clahe, then area resize"
"""The order of the two steps, as `cache.json` records it."""

_OPENCV_BINS = 65536
_MAX_GREY_LEVELS = 4096


class FitGeometry(NamedTuple):
    """Where an image's pixels go; `top`, `left`, `height`, `width` of the part that is kept."""

    top: int
    left: int
    height: int
    width: int
    resized_height: int
    resized_width: int
    pad_top: int
    pad_left: int


def fit_geometry(height: int, width: int, settings: ClaheSettings) -> FitGeometry:
    """The part of an (H, W) image that is kept, its size when reduced, and where it is put.

    Odd remainders go to the bottom and to the right. No edge gets shorter than one pixel.

    >>> fit_geometry(1000, 500, ClaheSettings(size=100))
    FitGeometry(top=0, left=0, height=1000, width=500, resized_height=100, resized_width=50, \
pad_top=0, pad_left=25)
    """
    size = settings.size
    if settings.fit == "crop":
        edge = min(height, width)
        return FitGeometry((height - edge) // 2, (width - edge) // 2, edge, edge, size, size, 0, 0)
    if settings.fit == "stretch":
        return FitGeometry(0, 0, height, width, size, size, 0, 0)
    longest = max(height, width)
    resized_height = max(1, round(height * size / longest))
    resized_width = max(1, round(width * size / longest))
    return FitGeometry(
        *(0, 0, height, width, resized_height, resized_width),
        pad_top=(size - resized_height) // 2,
        pad_left=(size - resized_width) // 2,
    )


def apply_clahe(
    image: NDArray[np.uint8] | NDArray[np.uint16], settings: ClaheSettings
) -> NDArray[np.uint8]:
    """The (S, S) uint8 image after CLAHE at full resolution, then `cv2.INTER_AREA` resizing.

    image: (H, W) uint8 or uint16. A uint16 image is stretched from its own minimum and maximum
    to the whole range first, equalised and resized in 16 bits, and rounded to 8 bits last:
    scaling by 65535 would leave 12-bit data in a 16-bit file at a sixteenth of the contrast.
    A uint16 image of one grey level, which has no range, is black.
    """
    if image.dtype == np.uint16:
        equalised = _equalise_16_bit(image, settings)
    else:
        equalised = _opencv_clahe(image, settings.clip, settings.grid)
    place = fit_geometry(image.shape[0], image.shape[1], settings)
    kept = equalised[place.top : place.top + place.height, place.left : place.left + place.width]
    resized = cv2.resize(
        kept, (place.resized_width, place.resized_height), interpolation=cv2.INTER_AREA
    )
    if resized.dtype == np.uint16:
        resized = ((resized.astype(np.uint32) + 128) // 257).astype(np.uint8)
    if resized.shape == (settings.size, settings.size):
        return np.ascontiguousarray(resized, np.uint8)
    result = np.zeros((settings.size, settings.size), np.uint8)
    result[
        place.pad_top : place.pad_top + place.resized_height,
        place.pad_left : place.pad_left + place.resized_width,
    ] = resized
    return result


def _opencv_clahe(
    image: NDArray[np.uint8] | NDArray[np.uint16], clip: float, grid: int
) -> NDArray[np.uint8] | NDArray[np.uint16]:
    operator = cv2.createCLAHE(clipLimit=clip, tileGridSize=(grid, grid))
    equalised: NDArray[Any] = operator.apply(np.ascontiguousarray(image))
    return equalised


def _equalise_16_bit(
    image: NDArray[np.uint8] | NDArray[np.uint16], settings: ClaheSettings
) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """CLAHE of an (H, W) uint16 image whose clip limit means what it means for 8 bits.

    OpenCV always takes 65536 bins for uint16, so that a limit of 2 is under one count a bin
    (tiles of a 1024 x 1024 image have 16384 pixels), is raised to one, and either flattens
    nothing (full-range data) or everything (12-bit data, on every 16th bin). So the image gets
    at most 4096 levels, evenly spread, and the limit is scaled to the levels that occur.
    """
    low, high = int(image.min()), int(image.max())
    if low == high:
        return np.zeros(image.shape, np.uint16)
    present = np.count_nonzero(np.bincount(image.ravel(), minlength=_OPENCV_BINS))
    steps = min(high - low, _MAX_GREY_LEVELS - 1)
    levels = min(max(int(present), 256), steps + 1)
    grey = np.arange(high - low + 1, dtype=np.float64)
    step = np.rint(grey * steps / (high - low))
    table = np.zeros(_OPENCV_BINS, np.uint16)
    table[low : high + 1] = np.rint(step * (_OPENCV_BINS - 1) / steps)
    return _opencv_clahe(table[image], settings.clip * _OPENCV_BINS / levels, settings.grid)
