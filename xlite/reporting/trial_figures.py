"""Pictures of what is tried before a run: a curve over learning rates, films as training sees
them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from xlite.reporting.figures import BLUE, GREY, ORANGE, new_figure, save_picture

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from xlite.results.trials import RateRange

_TILE = 1.9
"""Inches a film."""


class SheetFilm(NamedTuple):
    """A row of the contact sheet."""

    name: str
    labels: Sequence[str]
    tiles: Sequence[tuple[str, NDArray[np.uint8] | None]]
    """What each picture is called, and its pixels (S, S); None where there is none."""


def draw_rates(found: RateRange, path: Path) -> None:
    """Write the PNG of a range test: losses over rates, and where the suggestion lies."""
    figure = new_figure(6.0, 3.6)
    axis = figure.subplots()
    axis.plot(found.rates, found.losses, color=GREY, linewidth=0.8, label="loss of each step")
    axis.plot(found.rates, found.smoothed, color=BLUE, linewidth=1.6, label="averaged")
    if found.suggestion is not None:
        axis.axvline(found.suggestion, color=ORANGE, linestyle="--", linewidth=1.2)
        axis.annotate(
            f" {found.suggestion:.1e}: the middle of the longest descent",
            (found.suggestion, 0.02),
            xycoords=("data", "axes fraction"),
            fontsize=8,
            color="#9a6400",
        )
    axis.set_xscale("log")
    axis.xaxis.set_major_formatter("{x:.0e}")
    low, high = min(found.smoothed), max(found.smoothed[0], min(found.smoothed))
    axis.set_ylim(low - 0.15 * (high - low), high + 0.6 * (high - low) + 1e-6)
    axis.set_xlabel("learning rate (--lr)")
    axis.set_ylabel("training loss")
    axis.set_title(f"{found.model}: a hint, not a verdict", fontsize=10)
    axis.legend(fontsize=8, loc="upper left")
    axis.spines[["top", "right"]].set_visible(False)
    save_picture(figure, path, dpi=130)


def draw_sheet(films: Sequence[SheetFilm], path: Path) -> None:
    """Write the PNG of a contact sheet, a row a film."""
    num_tiles = len(films[0].tiles)
    figure = new_figure(num_tiles * _TILE, len(films) * (_TILE + 0.35))
    axes = figure.subplots(len(films), num_tiles, squeeze=False)
    for film, line in zip(films, axes, strict=True):
        for axis, (title, pixels) in zip(line, film.tiles, strict=True):
            _draw_tile(axis, title, pixels)
        labels = ", ".join(film.labels).replace("_", " ") or "no finding"
        name = film.name if len(film.name) <= 24 else f"…{film.name[-23:]}"
        line[0].set_ylabel(f"{name}\n{_shorten(labels)}", fontsize=6.5)
    save_picture(figure, path, dpi=130)


def _draw_tile(axis: Axes, title: str, pixels: NDArray[np.uint8] | None) -> None:
    axis.set_xticks([])
    axis.set_yticks([])
    axis.spines[:].set_visible(False)
    axis.set_title(title, fontsize=7)
    if pixels is not None:
        axis.imshow(pixels, cmap="gray", vmin=0, vmax=255)


def _shorten(text: str, most: int = 34) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
