"""The report's own figures, as SVG inside a data address.

N images, C labels, R runs. Drawn on white; in the dark their colours are others.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from xlite.reporting.figure_schemes import follow_scheme
from xlite.reporting.figures import BLUE, GREEN, GREY, ORANGE, new_figure
from xlite.reporting.html_page import data_uri
from xlite.scores.curves import Curve, trace_precision_recall, trace_roc
from xlite.scores.reliability import trace_reliability

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from xlite.reporting.run_images import RunImages

# Okabe & Ito 2008, without the yellow that white swallows.
_COLORS = (BLUE, ORANGE, GREEN, "#CC79A7", "#D55E00", "#56B4E9", "#000000")
_RED, _DARK, _FAINT = "#D55E00", "#555555", "#CFCFCF"
_NUM_COLUMNS = 5
_MAX_POINTS = 300
_UNIT_TICKS = (0, 0.5, 1)

_Place = Literal["outside lower left", "outside upper left"]
_History = Mapping[str, Sequence[float]]


@dataclass(frozen=True)
class Effect:
    """A change with its interval, one line of a forest plot."""

    label: str
    change: float
    low: float
    high: float


def draw_history(histories: Mapping[str, _History], chosen: Sequence[str]) -> str:
    """Loss, macro AUROC and learning rate by epoch of every run, as a data address.

    histories: by run, the columns of its history.csv. Training is dashed, validation solid. Runs
    that are not `chosen` are grey: more colours than a few can't be told apart.
    """
    figure = new_figure(9.6, 2.9 + 0.16 * (len(chosen) + 1))
    axes = figure.subplots(1, 3)
    panels = (
        ("Loss", "train_loss", "val_loss"),
        ("AUROC, macro", "train_auroc", "val_auroc"),
        ("Learning rate", "", "lr"),
    )
    colors = {name: _COLORS[place % len(_COLORS)] for place, name in enumerate(chosen)}
    for axis, (title, dashed, solid) in zip(axes, panels, strict=True):
        axis.set_title(title, loc="left", fontsize=9)
        axis.set_xlabel("epoch", fontsize=8)
        for name, history in histories.items():
            epochs = history.get("epoch", ())
            look: dict[str, Any] = {
                "color": colors.get(name, _FAINT),
                "zorder": 3 if name in colors else 1,
                # A run of one epoch has no line, only its point.
                "marker": "o" if len(epochs) < 2 else None,
                "ms": 3,
            }
            if dashed in history:
                axis.plot(epochs, history[dashed], "--", lw=1, **look)
            if solid in history:
                label = name if name in colors else None
                axis.plot(epochs, history[solid], lw=1.4, label=label, **look)
        axis.xaxis.get_major_locator().set_params(integer=True)
        tidy_axis(axis)
    axes[2].set_yscale("log")
    _add_legend(figure, [axes[2]], "outside lower left")
    return encode_figure(figure)


def draw_operating_curves(runs: Sequence[RunImages], *, kind: Literal["roc", "pr"]) -> str:
    """ROC or precision-recall curves of the runs, a panel a label, as a data address."""
    figure, panels = _new_grid(runs[0].vocabulary)
    trace = trace_roc if kind == "roc" else trace_precision_recall
    curves = [(run.name, trace(run.targets, run.probs)) for run in runs]
    for column, axis in enumerate(panels):
        for place, (name, per_class) in enumerate(curves):
            curve = per_class[column]
            if curve is None:
                axis.text(0.5, 0.5, "undefined", ha="center", fontsize=7, color=GREY)
                break
            look: dict[str, Any] = {"color": _COLORS[place % len(_COLORS)], "lw": 1.1}
            # A step holds the precision of the point to its right: its area is AP.
            steps = "default" if kind == "roc" else "steps-pre"
            axis.plot(*_thin(curve), drawstyle=steps, label=name, **look)
        known = runs[0].targets[:, column] >= 0
        if kind == "roc":
            axis.plot([0, 1], [0, 1], ":", color=GREY, lw=0.8)
        elif known.any():
            prevalence = (runs[0].targets[known, column] == 1).mean()
            axis.axhline(prevalence, ls=":", color=GREY, lw=0.8)
        axis.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), xticks=_UNIT_TICKS, yticks=_UNIT_TICKS)
    names = ("1 − specificity", "sensitivity") if kind == "roc" else ("recall", "precision")
    _label_grid(figure, panels, names)
    return encode_figure(figure)


def draw_calibration(runs: Sequence[RunImages]) -> str:
    """Reliability curves in bins of equal numbers of images, a panel a label, as a data address."""
    figure, panels = _new_grid(runs[0].vocabulary)
    curves = [
        (run.name, trace_reliability(run.targets, run.probs.astype(np.float64), num_bins=10))
        for run in runs
    ]
    for column, axis in enumerate(panels):
        top = 0.0
        for place, (name, curve) in enumerate(curves):
            said, seen = curve.mean_prob[column], curve.observed[column]
            has_images = ~np.isnan(said)
            said, seen = said[has_images], seen[has_images]
            color = _COLORS[place % len(_COLORS)]
            axis.plot(said, seen, "o-", color=color, lw=1.1, ms=2.5, label=name)
            top = max([top, *said, *seen])
        limit = min(1.0, 1.1 * top) or 1.0
        axis.plot([0, limit], [0, limit], ":", color=GREY, lw=0.8)
        axis.set_xlim(0, 1.04 * limit)
        axis.set_ylim(-0.02 * limit, 1.04 * limit)
    _label_grid(figure, panels, ("mean probability", "share of positives"))
    return encode_figure(figure)


def draw_forest(effects: Sequence[Effect], *, axis_title: str, limit: float = 1.0) -> str:
    """Changes with their intervals, one line each, in the order given, as a data address.

    Intervals are cut at `limit` on either side, with an arrow. An undefined one is not drawn.
    """
    figure = new_figure(4.8, 0.7 + 0.24 * max(len(effects), 2))
    axis = figure.subplots()
    rows = np.arange(len(effects))
    ends = np.array([[effect.low, effect.change, effect.high] for effect in effects])
    # The interval of two seeds can be wider than all that a score can change.
    limit = 1.05 * min(limit, float(np.nanmax(np.abs(ends), initial=0.01)))
    for row, effect in zip(rows, effects, strict=True):
        color = GREEN if effect.low > 0 else _RED if effect.high < 0 else _DARK
        low, high = max(effect.low, -limit), min(effect.high, limit)
        axis.plot([low, high], [row, row], color=color, lw=1.6)
        for end, is_cut, marker in ((low, effect.low < low, "<"), (high, effect.high > high, ">")):
            if is_cut:
                axis.plot(end, row, marker, color=color, ms=4, clip_on=False)
        axis.plot(effect.change, row, "o", color=color, ms=4)
    axis.set_xlim(-limit, limit)
    axis.axvline(0, color="black", lw=0.7)
    axis.set_yticks(rows, [effect.label for effect in effects], fontsize=8)
    for tick in axis.get_yticklabels():
        tick.set_parse_math(False)
    axis.set_ylim(len(effects) - 0.4, -0.6)
    axis.set_xlabel(axis_title, fontsize=8)
    tidy_axis(axis)
    return encode_figure(figure)


def _thin(curve: Curve) -> Curve:
    """At most _MAX_POINTS of the points, both ends kept: a panel has no more pixels."""
    count = len(curve[0])
    kept = np.unique(np.linspace(0, count - 1, min(count, _MAX_POINTS)).round().astype(int))
    return curve[0][kept], curve[1][kept]


def _new_grid(vocabulary: Sequence[str]) -> tuple[Figure, list[Axes]]:
    num_columns = min(_NUM_COLUMNS, len(vocabulary))
    num_rows = -(-len(vocabulary) // num_columns)
    figure = new_figure(1.95 * num_columns, 1.9 * num_rows + 0.5)
    grid: NDArray[Any] = np.atleast_1d(figure.subplots(num_rows, num_columns, squeeze=False))
    panels = list(grid.flat)
    for axis in panels[len(vocabulary) :]:
        axis.remove()
    for axis, label in zip(panels, vocabulary, strict=False):
        axis.set_title(label.replace("_", " "), loc="left", fontsize=8, parse_math=False)
        tidy_axis(axis)
    return figure, panels[: len(vocabulary)]


def _label_grid(figure: Figure, panels: Sequence[Axes], names: tuple[str, str]) -> None:
    figure.supxlabel(names[0], fontsize=8)
    figure.supylabel(names[1], fontsize=8)
    _add_legend(figure, panels, "outside upper left")


def _add_legend(figure: Figure, panels: Sequence[Axes], place: _Place) -> None:
    # A label without positives has no curve, so one panel may not know all names.
    handles = {
        name: handle
        for axis in panels
        for handle, name in zip(*axis.get_legend_handles_labels(), strict=True)
    }
    if handles:
        legend = figure.legend(
            list(handles.values()), list(handles), fontsize=7, frameon=False, loc=place
        )
        for text in legend.get_texts():
            # A name is no formula, whatever signs it has.
            text.set_parse_math(False)


def tidy_axis(axis: Axes) -> None:
    """Take away what shows no number."""
    axis.spines[["top", "right"]].set_visible(False)
    axis.tick_params(labelsize=7)


def encode_figure(figure: Figure) -> str:
    """The figure as a data address; the same numbers give the same."""
    from matplotlib import rc_context

    buffer = io.BytesIO()
    # Without a date and with fixed ids inside, the same numbers give the same page.
    with rc_context({"svg.hashsalt": "xlite", "path.simplify": True}):
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    return data_uri(follow_scheme(buffer.getvalue()), "image/svg+xml")
