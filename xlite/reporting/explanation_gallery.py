"""A picture of films with their heat maps and boxes, a row for each way that calls turn out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from xlite.reporting.figures import new_figure, save_picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from xlite.results.explanation import GalleryFilm, Kind

FILMS_A_ROW = 4

_BOX = "#56B4E9"
_HEAT = "inferno"
_MOST_OPAQUE = 0.6
_TILE = 2.3
"""Inches a film."""

_KINDS: Mapping[Kind, str] = {
    "true": "Found",
    "missed": "Missed",
    "false": "False alarm",
    "called": "Called",
}


@dataclass(frozen=True, eq=False, kw_only=True)
class Tile:
    """One film as it is drawn."""

    film: GalleryFilm
    pixels: NDArray[np.uint8]
    """(H, W)"""
    heat: NDArray[np.float32]
    """(H, W), 0 and more."""
    boxes: Sequence[tuple[float, float, float, float]]
    """Left, top, width, height in pixels of the tile."""


def draw_gallery(label: str, tiles: Sequence[Tile], threshold: float, path: Path) -> None:
    """Write the PNG of one label: a row for each kind of call, at most four films in it."""
    rows = {
        kind: [tile for tile in tiles if tile.film.kind == kind]
        for kind in _KINDS
        if any(tile.film.kind == kind for tile in tiles)
    }
    figure = new_figure(FILMS_A_ROW * _TILE, len(rows) * (_TILE + 0.55) + 0.45)
    axes = figure.subplots(len(rows), FILMS_A_ROW, squeeze=False)
    for (kind, shown), line in zip(rows.items(), axes, strict=True):
        line[0].set_ylabel(_KINDS[kind], fontsize=9)
        for place, axis in enumerate(line):
            axis.set_xticks([])
            axis.set_yticks([])
            axis.spines[:].set_visible(False)
            if place < len(shown):
                _draw_tile(axis, shown[place])
    at = "" if np.isnan(threshold) else f", called from {threshold:.2f}"
    figure.suptitle(f"{label.replace('_', ' ')}{at}", fontsize=10)
    save_picture(figure, path, dpi=110)


def _draw_tile(axis: Axes, tile: Tile) -> None:
    from matplotlib.patches import Rectangle

    axis.imshow(tile.pixels, cmap="gray", vmin=0, vmax=255)
    largest = float(tile.heat.max())
    if largest > 0:
        heat = tile.heat / largest
        axis.imshow(heat, cmap=_HEAT, vmin=0, vmax=1, alpha=_MOST_OPAQUE * heat)
    for left, top, width, height in tile.boxes:
        axis.add_patch(
            Rectangle((left, top), width, height, fill=False, edgecolor=_BOX, linewidth=1.4)
        )
    film = tile.film
    name = film.image_id if len(film.image_id) <= 30 else f"…{film.image_id[-29:]}"
    said = [f"{film.prob:.2f}"]
    if film.iou is not None:
        said.append("points into a box" if film.pointing else "points beside it")
        said.append(f"IoU {film.iou:.2f}")
    elif not largest > 0:
        said.append("an empty map")
    axis.set_title(f"{name}\n{', '.join(said)}", fontsize=6.5)
