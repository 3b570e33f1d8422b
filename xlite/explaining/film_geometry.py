"""Where a heat map lies on the film that the model's input was made of.

K maps, h and w their sides, H and W those of the film's grid.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from xlite.clahe_cache.clahe import fit_geometry

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xlite.settings import ClaheSettings

SCORED_SIDE = 512
"""Longest side of the grid that maps are scored on. Maps have a few cells a side, and boxes cover
parts of a pixel: a grid of 1024 moved the IoU of 60 of NIH's boxes by 0.005 at most."""


def scored_shape(height: int, width: int) -> tuple[int, int]:
    """The sides of the grid on which a film of this size is scored.

    >>> scored_shape(1024, 1024), scored_shape(2000, 3000), scored_shape(300, 200)
    ((512, 512), (341, 512), (300, 200))
    """
    scale = min(1.0, SCORED_SIDE / max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))


def lay_on_film(
    maps: NDArray[np.floating[Any]],
    film: tuple[int, int],
    clahe: ClaheSettings,
    *,
    grid: tuple[int, int] | None = None,
) -> NDArray[np.float32]:
    """Maps (K, h, w) of a model's square input as maps (K, H, W) of the film, bilinearly.

    film: its height and width in pixels; grid: those of the result, the film's own by default.
    What `clahe` cut off the film was not seen, and is 0; what it padded is no part of the film.

    >>> from xlite.settings import ClaheSettings
    >>> laid = lay_on_film(np.ones((1, 2, 2)), (4, 8), ClaheSettings(size=32, fit="crop"))
    >>> laid[0, 0].tolist()
    [0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0]
    """
    height, width = grid or film
    place = fit_geometry(*film, clahe)
    down = _weigh_cells(
        maps.shape[1],
        centres=(np.arange(height) + 0.5) * film[0] / height - place.top,
        length=place.height,
        start=place.pad_top / clahe.size,
        share=place.resized_height / clahe.size,
    )
    across = _weigh_cells(
        maps.shape[2],
        centres=(np.arange(width) + 0.5) * film[1] / width - place.left,
        length=place.width,
        start=place.pad_left / clahe.size,
        share=place.resized_width / clahe.size,
    )
    return np.asarray(down @ maps @ across.T, dtype=np.float32)


def _weigh_cells(
    num_cells: int, *, centres: NDArray[np.float64], length: int, start: float, share: float
) -> NDArray[np.float64]:
    """The weight of each cell along one side of a map for each pixel of the film's: (n, cells).

    centres: (n,) in film pixels from the start of the part that is kept, `length` long; that part
    takes the `share` of the model's input that begins at `start`.
    """
    at = (start + centres / length * share) * num_cells - 0.5
    at = at.clip(0, num_cells - 1)
    lower = np.floor(at).astype(np.intp)
    rows = np.arange(len(at))
    weights = np.zeros((len(at), num_cells))
    weights[rows, lower] = 1 - (at - lower)
    weights[rows, np.minimum(lower + 1, num_cells - 1)] += at - lower
    weights[(centres < 0) | (centres > length)] = 0
    return weights
