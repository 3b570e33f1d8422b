"""Figures. They take names and numbers, never datasets or models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from xlite.artifacts import atomic_path

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

# Okabe & Ito 2008: told apart by colour-blind readers, and in grey.
BLUE, ORANGE, GREEN, GREY = "#0072B2", "#E69F00", "#009E73", "#999999"


@dataclass(frozen=True, eq=False)
class BalancePanels:
    """What the four-panel balance figure shows; arrays are (C,), in one order of classes."""

    labels: Sequence[str]
    positives: NDArray[np.int64]
    natural_share: NDArray[np.float64]
    sampled_share: NDArray[np.float64]
    drawn_share: NDArray[np.float64]
    pos_weight: NDArray[np.float64]
    sampler: str
    cv: tuple[float, float]
    """CV of the natural and of the sampled exposure."""


def draw_balance(panels: BalancePanels, path: Path) -> None:
    """Write the four panels as PNG and SVG beside each other; `path` gives folder and stem.

    Distribution, loss weights, the sampler's effect, and both together; rarest class on top.
    """
    order = np.argsort(-panels.positives, kind="stable")
    labels = [panels.labels[c].replace("_", " ") for c in order]
    figure = _new_figure(7.2, 6.4)
    axes = figure.subplots(2, 2, sharey=True)
    rows = np.arange(len(order))

    _draw_bars(axes[0, 0], rows, panels.positives[order], GREY, "a  Images with the finding")
    axes[0, 0].set_xscale("log")
    # A bar on a log axis has its length from where the axis begins: at one image.
    axes[0, 0].set_xlim(1, 4 * max(int(panels.positives.max()), 1))
    for row, count in enumerate(panels.positives[order]):
        axes[0, 0].annotate(
            f" {count:,}", (max(count, 1), row), va="center", fontsize=6, color="black"
        )
    _draw_bars(
        axes[0, 1], rows, panels.pos_weight[order], ORANGE, "b  Weight of a positive in the loss"
    )
    axes[0, 1].set_xscale("log")
    axes[0, 1].set_xlim(min(1.0, 0.8 * float(panels.pos_weight.min())), None)

    sampled = axes[1, 0]
    height = 0.38
    sampled.barh(
        rows + height / 2, 100 * panels.natural_share[order], height, color=GREY, label="as found"
    )
    sampled.barh(
        rows - height / 2,
        100 * panels.sampled_share[order],
        height,
        color=BLUE,
        label=panels.sampler,
    )
    sampled.plot(
        100 * panels.drawn_share[order], rows - height / 2, "k|", markersize=6, label="drawn"
    )
    sampled.axvline(100 / len(order), color="black", linewidth=0.6, linestyle=":")
    sampled.set_title("c  Share of the shown positives, %", loc="left", fontsize=8)
    sampled.legend(fontsize=6, frameon=False, loc="upper right")

    joint = panels.sampled_share * panels.pos_weight
    natural = panels.natural_share * panels.pos_weight
    both = axes[1, 1]
    both.barh(
        rows + height / 2,
        _percent(natural)[order],
        height,
        color=ORANGE,
        label="loss weights alone",
    )
    both.barh(
        rows - height / 2, _percent(joint)[order], height, color=GREEN, label="weights and sampler"
    )
    both.axvline(100 / len(order), color="black", linewidth=0.6, linestyle=":")
    both.set_title("d  Emphasis of positives in the loss, %", loc="left", fontsize=8)
    both.legend(fontsize=6, frameon=False, loc="lower right")
    for row_axes in axes:
        row_axes[0].set_yticks(rows, labels, fontsize=7)
        for axis in row_axes:
            axis.tick_params(axis="x", labelsize=6)
            axis.spines[["top", "right"]].set_visible(False)
    figure.suptitle(
        f"CV of exposure: {panels.cv[0]:.3f} as found, {panels.cv[1]:.3f} under {panels.sampler}",
        fontsize=9,
    )
    save_figure(figure, path)


def save_figure(figure: Figure, path: Path) -> None:
    """Write `<path>.png` (200 dpi) and `<path>.svg`, each atomically."""
    for suffix in (".png", ".svg"):
        with atomic_path(path.with_name(path.name + suffix)) as temporary:
            # No date inside, so that the same numbers give the same file.
            metadata: dict[str, Any] = {"Date": None} if suffix == ".svg" else {}
            figure.savefig(temporary, format=suffix[1:], dpi=200, metadata=metadata)


def _new_figure(width: float, height: float) -> Figure:
    # Figure, not pyplot: no global state, no display, nothing to close.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _draw_bars(
    axis: Axes, rows: NDArray[Any], values: NDArray[Any], color: str, title: str
) -> None:
    axis.barh(rows, values, 0.76, color=color)
    axis.set_title(title, loc="left", fontsize=8)


def _percent(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(100 * values / values.sum())
