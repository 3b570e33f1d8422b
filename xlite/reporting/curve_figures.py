"""Curves of each label: ROC, precision-recall, and reliability.

Each function writes `<path>.png` and `<path>.svg`.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from xlite.reporting.figures import BLUE, GREY
from xlite.reporting.score_panels import ScorePanels, draw_grid, say_in, write_number
from xlite.results.label_scores import LabelScores
from xlite.scores.curves import Curve, trace_precision_recall, trace_roc
from xlite.scores.reliability import trace_reliability

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_POINTS = 300


def draw_roc(panels: ScorePanels, path: Path) -> None:
    """Write the ROC curve of each label, with AUROC and its interval."""

    def draw(axis: Axes, column: int, label: str) -> None:
        axis.plot([0, 1], [0, 1], color=GREY, linewidth=0.6, linestyle=":")
        if (curve := curves[column]) is not None:
            axis.plot(*_thin(curve), color=BLUE, linewidth=1.1)
        say_in(axis, _interval(panels.per_class[label], "auroc"), at="right")
        _set_unit_limits(axis)

    curves = trace_roc(panels.targets, panels.probs)
    draw_grid(panels, draw, path, ("false positive rate", "sensitivity"), "ROC and AUROC")


def draw_precision_recall(panels: ScorePanels, path: Path) -> None:
    """Write the precision-recall curve of each label; the dotted line is chance: prevalence."""

    def draw(axis: Axes, column: int, label: str) -> None:
        row = panels.per_class[label]
        axis.axhline(row.prevalence, color=GREY, linewidth=0.6, linestyle=":")
        if (curve := curves[column]) is not None:
            axis.plot(*_thin(curve), color=BLUE, linewidth=1.1, drawstyle="steps-pre")
        say_in(axis, _interval(row, "average_precision"), at="top")
        _set_unit_limits(axis)

    curves = trace_precision_recall(panels.targets, panels.probs)
    title = "Precision-recall and average precision"
    draw_grid(panels, draw, path, ("recall", "precision"), title)


def draw_calibration(panels: ScorePanels, path: Path) -> None:
    """Write the reliability curve of each label, in bins of equal numbers of images.

    Each panel goes as far as its label's probs do; points above the line: it says too little.
    """

    def draw(axis: Axes, column: int, label: str) -> None:
        row = panels.per_class[label]
        said, seen = curve.mean_prob[column], curve.observed[column]
        limit = 1.08 * max(float(np.nanmax([said, seen])) if curve.count[column].any() else 1, 1e-3)
        axis.plot([0, limit], [0, limit], color=GREY, linewidth=0.6, linestyle=":")
        axis.plot(said, seen, "o-", color=BLUE, markersize=2.2, linewidth=0.9)
        axis.set_xlim(0, limit)
        axis.set_ylim(0, limit)
        axis.set_aspect("equal")
        ticks = [0, _round_down(limit / 2), 2 * _round_down(limit / 2)]
        axis.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axis.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
        slope = write_number(row.calibration_slope, 2)
        say_in(axis, f"ECE {write_number(row.ece, 3)}\nslope {slope}", at="top-left")

    # Bins of under 40 images show little but their own chance.
    num_bins = min(max(len(panels.targets) // 40, 4), 15)
    curve = trace_reliability(panels.targets, panels.scaled, num_bins=num_bins)
    names = ("mean prob of the bin", "share of positives")
    draw_grid(panels, draw, path, names, "Calibration")


def _set_unit_limits(axis: Axes) -> None:
    axis.set_xlim(-0.02, 1.02)
    axis.set_ylim(-0.02, 1.02)
    axis.set_aspect("equal")
    axis.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
    axis.set_yticks([0, 0.5, 1], ["0", "0.5", "1"])


def _interval(row: LabelScores, score: str) -> str:
    value, *ends = (getattr(row, f"{score}{end}") for end in ("", "_low", "_high"))
    return f"{write_number(value, 3)}\n[{', '.join(write_number(end, 3) for end in ends)}]"


def _round_down(value: float) -> float:
    """The value with one significant digit, rounded down: a tick that fits on its axis."""
    magnitude = 10.0 ** math.floor(math.log10(value))
    return math.floor(value / magnitude) * magnitude


def _thin(curve: Curve) -> Curve:
    """At most 300 points, first and last kept: a figure shows no more."""
    count = len(curve[0])
    kept = np.unique(np.linspace(0, count - 1, min(count, _MOST_POINTS)).round().astype(int))
    return curve[0][kept], curve[1][kept]
