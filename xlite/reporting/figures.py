"""Figures. They take names and numbers, never datasets or models."""

from __future__ import annotations

import gc
import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from xlite.files import atomic_path
from xlite.signals import end_with_parent, hold_back_interrupts

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

# Okabe & Ito 2008: told apart by colour-blind readers, and in grey.
BLUE, ORANGE, GREEN, GREY = "#0072B2", "#E69F00", "#009E73", "#999999"

_CHARACTER_EMS = 0.6
"""Mean width of a letter of the default font, DejaVu Sans, in units of its size."""


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


@contextmanager
def drawing_process() -> Iterator[Executor]:
    """A process of its own for figures, which loads matplotlib while this one still computes.

    Loading takes as long as reading NIH's label table, and drawing twice as long. What was
    submitted is drawn when the block is left; its errors come from the futures.
    """
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, context, end_with_parent) as process:
        with hold_back_interrupts():
            process.submit(_load_matplotlib)
        yield process


def _load_matplotlib() -> None:
    import matplotlib.backends.backend_svg  # noqa: F401

    new_figure(1, 1)
    # What an import has made stays: the collector need not look through it while figures are
    # drawn, nor when the process ends.
    gc.freeze()


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
    rows = np.arange(len(order))

    _draw_bars(axes[0, 0], rows, panels.positives[order], GREY, "a  Images with the finding")
    _use_log_scale(axes[0, 0])
    # A bar on a log axis has its length from where the axis begins: at one image.
    axes[0, 0].set_xlim(1, 4 * max(int(panels.positives.max()), 1))
    for row, count in enumerate(panels.positives[order]):
        axes[0, 0].annotate(
            f" {count:,}", (max(count, 1), row), va="center", fontsize=6, color="black"
        )
    _draw_bars(
        axes[0, 1], rows, panels.pos_weight[order], ORANGE, "b  Weight of a positive in the loss"
    )
    _use_log_scale(axes[0, 1])
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
    sampled.set_title("c  Share of the shown positives, %", loc="left", fontsize=8, y=1.0)
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
    both.set_title("d  Emphasis of positives in the loss, %", loc="left", fontsize=8, y=1.0)
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


def save_figure(figure: Figure, path: Path) -> None:
    """Write `<path>.png` (200 dpi) and `<path>.svg`, each atomically."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.text import Text

    for text in figure.findobj(Text):
        # A label is no formula, whatever signs it has, and nothing else here is one.
        text.set_parse_math(False)
    figure.set_dpi(200)
    # The formats' own writers: `savefig` draws every figure once more, for nothing.
    with atomic_path(path.with_name(f"{path.name}.png")) as temporary:
        FigureCanvasAgg(figure).print_png(temporary)  # type: ignore[no-untyped-call]
    # The layout is found at the first drawing and costs as much as the drawing itself.
    figure.set_layout_engine("none")
    with (
        atomic_path(path.with_name(f"{path.name}.svg")) as temporary,
        # Without a date and with fixed ids inside, the same numbers give the same file.
        rc_context({"svg.hashsalt": "xlite"}),
    ):
        svg = FigureCanvasSVG(figure)
        svg.print_svg(temporary, metadata={"Date": None})  # type: ignore[no-untyped-call]


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of that many inches with a constrained layout."""
    # Figure, not pyplot: no global state, no display, nothing to close.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _use_log_scale(axis: Axes) -> None:
    from matplotlib.ticker import StrMethodFormatter

    axis.set_xscale("log")
    # "1,000" and not 10³, which is set by a TeX parser that takes a fifth of a second to load.
    axis.xaxis.set_major_formatter(StrMethodFormatter("{x:,g}"))
    axis.minorticks_off()


def _draw_bars(
    axis: Axes, rows: NDArray[Any], values: NDArray[Any], color: str, title: str
) -> None:
    axis.barh(rows, values, 0.76, color=color)
    axis.set_title(title, loc="left", fontsize=8, y=1.0)


def _percent(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(100 * values / values.sum())
