"""Which films stand in the pictures of a label, and what is drawn of them.

N films, C labels, K pairs of a film and a label with a map.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from xlite.clahe_cache.radiograph import read_radiograph
from xlite.explaining.film_geometry import lay_on_film
from xlite.labels import UNKNOWN
from xlite.results.explanation import GalleryFilm, Kind

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xlite.explaining.boxes import Box
    from xlite.explaining.localisation import PairScores
    from xlite.explaining.run_explainer import ExplainedFilms
    from xlite.settings import ClaheSettings

_TILE_SIDE = 384
_KINDS: tuple[Kind, ...] = ("true", "missed", "false", "called")


@dataclass(frozen=True, eq=False, kw_only=True)
class Chosen:
    """The films of one label's picture."""

    column: int
    counts: dict[Kind, int]
    maps: tuple[tuple[int, Kind], ...]
    """Places among the K, by kind."""


def choose_films(
    explained: ExplainedFilms,
    targets: NDArray[np.int8],
    has_box: NDArray[np.bool_],
    *,
    num_films: int,
) -> list[Chosen]:
    """For each label with maps, `num_films` films of each kind, those with boxes before others.

    Of what was found and of false alarms those with the highest probs, of what was missed those
    with the lowest: where the model is surest. targets, has_box: (N, C). A film of which nobody
    knows whether it has the label is shown as called. Without thresholds nothing is called, and
    what is present counts as found.
    """
    rows, columns = explained.rows, explained.columns
    truth = targets[rows, columns]
    probs = explained.probs[rows, columns]
    is_called = (
        np.ones(len(rows), dtype=bool)
        if explained.is_called is None
        else explained.is_called[rows, columns]
    )
    # A box says that the finding is there, whatever a label mined from a report does.
    is_boxed = has_box[rows, columns]
    is_there = (truth == 1) | is_boxed
    of_kind = {
        "true": is_there & is_called,
        "missed": is_there & ~is_called,
        "false": (truth == 0) & ~is_there & is_called,
        "called": (truth == UNKNOWN) & ~is_there & is_called,
    }
    found = []
    for column in np.unique(columns).tolist():
        counts, maps = {}, []
        for kind in _KINDS:
            places = np.flatnonzero(of_kind[kind] & (columns == column))
            sureness = probs[places] * (1 if kind == "missed" else -1)
            order = np.lexsort((places, sureness, ~is_boxed[places]))
            counts[kind] = len(places)
            maps += [(int(place), kind) for place in places[order][:num_films]]
        if maps:
            found.append(Chosen(column=column, counts=counts, maps=tuple(maps)))
    return found


def describe_film(
    image_id: str,
    kind: Kind,
    prob: float,
    boxes: Sequence[Box],
    scores: PairScores | None,
    place: int,
) -> GalleryFilm:
    """What stands under a film; scores: of the pairs with boxes, of which it is at `place`."""
    if scores is None:
        return GalleryFilm(image_id=image_id, kind=kind, prob=prob, boxes=())
    return GalleryFilm(
        image_id=image_id,
        kind=kind,
        prob=prob,
        boxes=tuple(boxes),
        pointing=float(scores.pointing[place]),
        energy=float(scores.energy[place]),
        iou=float(scores.iou[place]),
    )


def picture_film(
    path: str, heat: NDArray[np.float32], boxes: Sequence[Box], clahe: ClaheSettings
) -> tuple[NDArray[np.uint8], NDArray[np.float32], list[Box]]:
    """A film of at most 384 pixels a side, its map (h, w) laid on it, and boxes in its pixels."""
    film = read_radiograph(path)
    height, width = film.shape
    scale = min(1.0, _TILE_SIDE / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    grey = cv2.resize(film, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    # Of 16 bits, films fill any part of the range.
    low, high = np.percentile(grey, (0.5, 99.5)) if film.dtype == np.uint16 else (0, 255)
    pixels = ((grey - low) / max(high - low, 1) * 255).clip(0, 255).astype(np.uint8)
    laid = lay_on_film(heat[None], (height, width), clahe, grid=pixels.shape)[0]
    down, across = size[1] / height, size[0] / width
    scaled = [(x * across, y * down, w * across, h * down) for x, y, w, h in boxes]
    return pixels, laid, scaled
