"""Figures of balance: what a sampler and the loss's weights do to each class, and what it costs.

They take names and numbers, never datasets or models. C classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from xlite.reporting.figures import BLUE, GREEN, GREY, ORANGE, new_figure, save_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

_CHARACTER_EMS = 0.6
"""Mean width of a letter of the default font, DejaVu Sans, in units of its size."""
_BAR_HEIGHT = 0.38


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
    figure = new_figure(7.2, 6.4)
    # Margins by rule: a constrained layout, which measures every text, is a third of the drawing.
    figure.set_layout_engine("none")
    widest = max(map(len, labels)) * _CHARACTER_EMS * 7 / 72
    margins = {"left": min(0.02 + widest / 7.2, 0.5), "right": 0.985, "bottom": 0.04, "top": 0.91}
    axes = figure.subplots(
        2, 2, sharey=True, gridspec_kw={**margins, "wspace": 0.06, "hspace": 0.2}
    )
    _draw_positives(axes[0, 0], panels.positives[order])
    _draw_weights(axes[0, 1], panels.pos_weight[order])
    _draw_shares(axes[1, 0], panels, order)
    _draw_emphasis(axes[1, 1], panels, order)
    for row_axes in axes:
        row_axes[0].set_yticks(np.arange(len(order)), labels, fontsize=7)
        for axis in row_axes:
            axis.tick_params(axis="x", labelsize=6)
            axis.spines[["top", "right"]].set_visible(False)
    figure.suptitle(
        f"CV of exposure: {panels.cv[0]:.3f} as found, {panels.cv[1]:.3f} under {panels.sampler}",
        fontsize=9,
    )
    save_figure(figure, path)


def _draw_positives(axis: Axes, positives: NDArray[np.int64]) -> None:
    _draw_bars(axis, positives, GREY, "a  Images with the finding")
    # A bar on a log axis has its length from where the axis begins: at one image.
    axis.set_xlim(1, 4 * max(int(positives.max()), 1))
    for row, count in enumerate(positives):
        axis.annotate(f" {count:,}", (max(count, 1), row), va="center", fontsize=6, color="black")


def _draw_weights(axis: Axes, pos_weight: NDArray[np.float64]) -> None:
    _draw_bars(axis, pos_weight, ORANGE, "b  Weight of a positive in the loss")
    axis.set_xlim(min(1.0, 0.8 * float(pos_weight.min())), None)


def _draw_shares(axis: Axes, panels: BalancePanels, order: NDArray[np.intp]) -> None:
    _draw_pairs(
        axis,
        (100 * panels.natural_share[order], GREY, "as found"),
        (100 * panels.sampled_share[order], BLUE, panels.sampler),
    )
    rows = np.arange(len(order)) - _BAR_HEIGHT / 2
    axis.plot(100 * panels.drawn_share[order], rows, "k|", markersize=6, label="drawn")
    _finish_shares(axis, len(order), "c  Share of the shown positives, %", legend="upper right")


def _draw_emphasis(axis: Axes, panels: BalancePanels, order: NDArray[np.intp]) -> None:
    alone, both = panels.natural_share * panels.pos_weight, panels.sampled_share * panels.pos_weight
    _draw_pairs(
        axis,
        (_percent(alone)[order], ORANGE, "loss weights alone"),
        (_percent(both)[order], GREEN, "weights and sampler"),
    )
    title = "d  Emphasis of positives in the loss, %"
    _finish_shares(axis, len(order), title, legend="lower right")


def draw_tradeoff(
    curve: Sequence[tuple[float, float, float]],
    samplers: Sequence[tuple[str, float, float]],
    path: Path,
) -> None:
    """Write what balance costs: CV of exposure against effective sample size.

    curve: (strength, CV, ESS) of max-entropy. samplers: (name, CV, ESS) of the others. Written
    as `<path>.png` and `<path>.svg`; further down and to the right is better.
    """
    figure = new_figure(3.5, 3.0)
    axis = figure.subplots()
    axis.plot(
        [ess for _, _, ess in curve],
        [cv for _, cv, _ in curve],
        color=BLUE,
        linewidth=1.5,
        label="max-entropy, strength 0 to 1",
        zorder=3,
    )
    for strength, cv, ess in curve:
        if strength in (0.0, 0.25, 0.5, 0.75, 1.0):
            axis.plot(ess, cv, "o", color=BLUE, markersize=3, zorder=4)
            axis.annotate(
                f"{strength:g}",
                (ess, cv),
                (-4, -9),
                textcoords="offset points",
                fontsize=6,
                color=BLUE,
            )
    # A label beside its point; points that nearly coincide share one.
    groups: list[tuple[list[str], float, float]] = []
    for name, cv, ess in samplers:
        near = [group for group in groups if abs(group[1] - cv) + abs(group[2] - ess) < 0.01]
        if near:
            near[0][0].append(name)
        else:
            groups.append(([name], cv, ess))
    label_height = 0.04 * max(cv for _, cv, _ in (*curve, *samplers))
    lowest: dict[bool, float] = {}
    for names, cv, ess in sorted(groups, key=lambda group: -group[1]):
        axis.plot(ess, cv, "D", color=ORANGE, markersize=4, markeredgecolor="black", mew=0.4)
        # Labels of one half of the picture stand below one another, never on top.
        is_right = ess > 0.5
        height = min(cv, lowest.get(is_right, cv) - label_height if is_right in lowest else cv)
        lowest[is_right] = height
        axis.text(ess + 0.025, height, ", ".join(names), fontsize=5.5, va="center")
    axis.set_xlim(0, 1.25)
    axis.set_xticks(np.linspace(0, 1, 6))
    axis.set_ylim(-0.06, None)
    axis.set_xlabel("effective sample size, fraction of the images", fontsize=7)
    axis.set_ylabel("CV of exposure over classes", fontsize=7)
    axis.tick_params(labelsize=6)
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(fontsize=6, frameon=False, loc="upper left")
    save_figure(figure, path)


def _draw_bars(axis: Axes, values: NDArray[Any], color: str, title: str) -> None:
    """One bar a class on a log axis."""
    from matplotlib.ticker import StrMethodFormatter

    axis.barh(np.arange(len(values)), values, 0.76, color=color)
    axis.set_title(title, loc="left", fontsize=8, y=1.0)
    axis.set_xscale("log")
    # "1,000" and not 10³, which is set by a TeX parser that takes a fifth of a second to load.
    axis.xaxis.set_major_formatter(StrMethodFormatter("{x:,g}"))
    axis.minorticks_off()


_Bars = tuple["NDArray[np.float64]", str, str]
"""Lengths, a colour and what the legend calls them."""


def _draw_pairs(axis: Axes, upper: _Bars, lower: _Bars) -> None:
    """Two bars a class, one above the other."""
    for shift, (values, color, label) in ((0.5, upper), (-0.5, lower)):
        rows = np.arange(len(values)) + shift * _BAR_HEIGHT
        axis.barh(rows, values, _BAR_HEIGHT, color=color, label=label)


def _finish_shares(
    axis: Axes, num_classes: int, title: str, *, legend: Literal["upper right", "lower right"]
) -> None:
    """A dotted line where all classes are equal, title and legend."""
    axis.axvline(100 / num_classes, color="black", linewidth=0.6, linestyle=":")
    axis.set_title(title, loc="left", fontsize=8, y=1.0)
    axis.legend(fontsize=6, frameon=False, loc=legend)


def _percent(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(100 * values / values.sum())
