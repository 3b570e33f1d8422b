"""Figures of scores: curves, calibration, score by prevalence, calls and errors that go together.

N images, C labels. Functions take arrays and the plain values of an evaluation, and write
`<path>.png` and `<path>.svg`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from xlite.reporting.figures import BLUE, GREY, new_figure, save_figure
from xlite.scores.curves import Curve, trace_precision_recall, trace_roc
from xlite.scores.error_overlap import correlate_errors
from xlite.scores.reliability import trace_reliability

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

MOST_LABELS = 28
"""Labels that figures show. Grids of 220 panels took two minutes and 3 GB, and nobody read them."""

_COLUMNS = 4
_MOST_POINTS = 300
_LONGEST_TITLE = 19
_TEXT, _SMALL = 7, 6


@dataclass(frozen=True, eq=False, kw_only=True)
class ScorePanels:
    """What the figures of one evaluation show."""

    labels: Sequence[str]
    targets: NDArray[np.int8]
    """(N, C): 1 present, 0 absent, -1 unknown."""
    probs: NDArray[np.float64]
    """(N, C) as the model gave them, for the curves."""
    scaled: NDArray[np.float64]
    """(N, C) after calibration, for reliability; the same as `probs` without."""
    calls: NDArray[np.bool_]
    """(N, C) at the thresholds."""
    called: NDArray[np.int8]
    """(N, C) targets, -1 where there is no threshold to call by."""
    per_class: Mapping[str, Mapping[str, Any]]
    """The scores of each label."""
    num_labels: int | None = None
    """Of how many labels these are the ones with most positives; None when they are all."""

    def select_commonest(self, most: int) -> ScorePanels:
        """The panels of the labels with most positives, in their order."""
        if len(self.labels) <= most:
            return self
        positives = [-int(self.per_class[name]["positives"]) for name in self.labels]
        kept = np.sort(np.argsort(positives, kind="stable")[:most])
        return ScorePanels(
            labels=[self.labels[column] for column in kept],
            targets=self.targets[:, kept],
            probs=self.probs[:, kept],
            scaled=self.scaled[:, kept],
            calls=self.calls[:, kept],
            called=self.called[:, kept],
            per_class=self.per_class,
            num_labels=len(self.labels),
        )

    @property
    def selection(self) -> str:
        """Which labels these are, in words; "" when they are all."""
        if self.num_labels is None:
            return ""
        return f"the {len(self.labels)} of {self.num_labels} labels with most positives"


FIGURES = (
    "roc",
    "precision_recall",
    "calibration",
    "score_by_prevalence",
    "confusion",
    "error_overlap",
)
"""The names of an evaluation's figures, each a PNG and an SVG."""


def draw_scores(panels: ScorePanels, folder: Path) -> list[Path]:
    """Write all figures of an evaluation into a folder; returns the paths of the PNG files.

    Of more than `MOST_LABELS` labels those with most positives are shown; the figures say so.
    """
    panels = panels.select_commonest(MOST_LABELS)
    draws: tuple[Callable[[ScorePanels, Path], None], ...] = (
        draw_roc,
        draw_precision_recall,
        draw_calibration,
        draw_score_by_prevalence,
        draw_confusion,
        draw_error_overlap,
    )
    for name, draw in zip(FIGURES, draws, strict=True):
        draw(panels, folder / name)
    return [folder / f"{name}.png" for name in FIGURES]


def draw_roc(panels: ScorePanels, path: Path) -> None:
    """Write the ROC curve of each label, with AUROC and its interval."""

    def draw(axis: Axes, column: int, label: str) -> None:
        axis.plot([0, 1], [0, 1], color=GREY, linewidth=0.6, linestyle=":")
        if (curve := curves[column]) is not None:
            axis.plot(*_thin(curve), color=BLUE, linewidth=1.1)
        _say(axis, _interval(panels.per_class[label], "auroc"), at="right")
        _set_unit_limits(axis)

    curves = trace_roc(panels.targets, panels.probs)
    _draw_grid(panels, draw, path, ("false positive rate", "sensitivity"), "ROC and AUROC")


def draw_precision_recall(panels: ScorePanels, path: Path) -> None:
    """Write the precision-recall curve of each label; the dotted line is chance: prevalence."""

    def draw(axis: Axes, column: int, label: str) -> None:
        row = panels.per_class[label]
        axis.axhline(_as_number(row["prevalence"]), color=GREY, linewidth=0.6, linestyle=":")
        if (curve := curves[column]) is not None:
            axis.plot(*_thin(curve), color=BLUE, linewidth=1.1, drawstyle="steps-pre")
        _say(axis, _interval(row, "average_precision"), at="top")
        _set_unit_limits(axis)

    curves = trace_precision_recall(panels.targets, panels.probs)
    title = "Precision-recall and average precision"
    _draw_grid(panels, draw, path, ("recall", "precision"), title)


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
        slope = _number(row["calibration_slope"], 2)
        _say(axis, f"ECE {_number(row['ece'], 3)}\nslope {slope}", at="top-left")

    # Bins of under 40 images show little but their own chance.
    num_bins = min(max(len(panels.targets) // 40, 4), 15)
    curve = trace_reliability(panels.targets, panels.scaled, num_bins=num_bins)
    names = ("mean prob of the bin", "share of positives")
    _draw_grid(panels, draw, path, names, "Calibration")


def draw_score_by_prevalence(panels: ScorePanels, path: Path) -> None:
    """Write AUROC and average precision with intervals, labels sorted by prevalence."""
    rows = sorted(panels.labels, key=lambda name: -_as_number(panels.per_class[name]["prevalence"]))
    figure = new_figure(7.2, 1.1 + 0.24 * len(rows))
    axes = figure.subplots(1, 2, sharey=True)
    heights = np.arange(len(rows))
    titles = {"auroc": "AUROC", "average_precision": "Average precision"}
    for axis, (score, title) in zip(axes, titles.items(), strict=True):
        values, low, high = (
            np.array([_as_number(panels.per_class[name][f"{score}{end}"]) for name in rows])
            for end in ("", "_low", "_high")
        )
        is_few = np.array([panels.per_class[name]["few_positives"] for name in rows], dtype=bool)
        axis.hlines(heights, low, high, color=GREY, linewidth=1.4)
        axis.plot(values[~is_few], heights[~is_few], "o", color=BLUE, markersize=4)
        axis.plot(
            values[is_few],
            heights[is_few],
            "o",
            markerfacecolor="white",
            markeredgecolor=BLUE,
            markersize=4,
            label="under 30 positives",
        )
        axis.set_title(title, loc="left", fontsize=8)
        axis.tick_params(axis="x", labelsize=_SMALL)
        axis.spines[["top", "right"]].set_visible(False)
        axis.grid(axis="y", linewidth=0.3, color=GREY, alpha=0.4)
    axes[0].axvline(0.5, color="black", linewidth=0.6, linestyle=":")
    prevalence = [_as_number(panels.per_class[name]["prevalence"]) for name in rows]
    axes[1].plot(prevalence, heights, "k|", markersize=6, label="prevalence: chance")
    handles, entries = axes[1].get_legend_handles_labels()
    shown = [at for at, entry in enumerate(entries) if is_few.any() or "positives" not in entry]
    figure.legend(
        [handles[at] for at in shown],
        [entries[at] for at in shown],
        fontsize=_SMALL,
        frameon=False,
        loc="outside lower right",
        ncols=2,
    )
    axes[1].set_xlim(0, None)
    names = [f"{_title(n)}  {100 * share:.2g} %" for n, share in zip(rows, prevalence, strict=True)]
    axes[0].set_yticks(heights, names, fontsize=_TEXT)
    axes[0].set_ylim(-0.6, len(rows) - 0.4)
    if panels.selection:
        figure.suptitle(panels.selection, fontsize=9)
    save_figure(figure, path)


def draw_confusion(panels: ScorePanels, path: Path) -> None:
    """Write the confusion matrix of each label at its threshold: counts, and shares of the row."""

    def draw(axis: Axes, column: int, label: str) -> None:
        is_present = panels.called[:, column] == 1
        is_absent = panels.called[:, column] == 0
        is_called = panels.calls[:, column]
        counts = np.array(
            [
                [int((side & is_called).sum()), int((side & ~is_called).sum())]
                for side in (is_present, is_absent)
            ]
        )
        total = counts.sum(axis=1, keepdims=True)
        shares = counts / np.maximum(total, 1)
        axis.imshow(shares, cmap="Blues", vmin=0, vmax=1.3, aspect="auto")
        for (row, place), count in np.ndenumerate(counts):
            share = f"{100 * shares[row, place]:.0f} %" if total[row, 0] else "–"
            color = "white" if shares[row, place] > 0.75 else "black"
            text = f"{count:,}\n{share}"
            axis.text(place, row, text, ha="center", va="center", fontsize=_SMALL, color=color)
        axis.set_xticks([0, 1], ["called", "not called"])
        axis.set_yticks([0, 1], ["present", "absent"])
        axis.tick_params(length=0)
        axis.spines[:].set_visible(False)

    _draw_grid(panels, draw, path, ("", ""), "Calls at the thresholds")


def draw_error_overlap(panels: ScorePanels, path: Path) -> None:
    """Write how errors of two labels go together over images: the φ coefficient of each pair."""
    is_known = panels.called >= 0
    is_error = panels.calls != (panels.called == 1)
    overlap = correlate_errors(is_error, is_known)
    np.fill_diagonal(overlap, np.nan)
    count = len(panels.labels)
    side = max(3.2, 1.9 + 0.34 * count)
    figure = new_figure(side + 1.2, side)
    axis = figure.subplots()
    largest = np.nanmax(np.abs(overlap)) if np.isfinite(overlap).any() else 1.0
    limit = max(0.1, math.ceil(10 * float(largest)) / 10)
    image = axis.imshow(overlap, cmap="RdBu_r", vmin=-limit, vmax=limit)
    axis.set_facecolor("#eeeeee")
    for (row, column), value in np.ndenumerate(overlap):
        if np.isfinite(value):
            color = "white" if abs(value) > 0.7 * limit else "black"
            text = f"{value:.2f}".replace("0.", ".").replace("-.00", ".00")
            axis.text(column, row, text, ha="center", va="center", fontsize=_SMALL, color=color)
    names = [_title(label) for label in panels.labels]
    axis.set_xticks(range(count), names, fontsize=_TEXT, rotation=45, ha="right")
    axis.set_yticks(range(count), names, fontsize=_TEXT)
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)
    question = "Do errors of two labels fall on the same images?"
    figure.suptitle("\n".join(filter(None, (question, panels.selection))), fontsize=9)
    bar = figure.colorbar(image, ax=axis, shrink=0.8)
    bar.set_label("φ (1: the same images)", fontsize=_SMALL)
    bar.ax.tick_params(labelsize=_SMALL)
    save_figure(figure, path)


def _draw_grid(
    panels: ScorePanels,
    draw: Callable[[Axes, int, str], None],
    path: Path,
    axis_names: tuple[str, str],
    title: str,
) -> None:
    """A panel a label, four in a row; the inner ones share what the outer ones say."""
    count = len(panels.labels)
    num_columns = min(_COLUMNS, count)
    num_rows = -(-count // num_columns)
    figure = new_figure(max(1.8 * num_columns + 0.3, 3.4), 1.75 * num_rows + 0.6)
    grid = figure.subplots(num_rows, num_columns, squeeze=False)
    for number, axis in enumerate(grid.ravel()):
        if number >= count:
            axis.set_axis_off()
            continue
        label = panels.labels[number]
        row = panels.per_class[label]
        mark = "*" if row["few_positives"] else ""
        axis.set_title(f"{_title(label)}{mark}  (n = {row['positives']:,})", fontsize=_TEXT, pad=3)
        axis.spines[["top", "right"]].set_visible(False)
        draw(axis, number, label)
        axis.tick_params(labelsize=_SMALL)
    has_few = any(panels.per_class[label]["few_positives"] for label in panels.labels)
    legend = f"n: positives{', * fewer than 30' if has_few else ''}"
    figure.suptitle("\n".join(filter(None, (title, legend, panels.selection))), fontsize=9)
    if axis_names[0]:
        figure.supxlabel(axis_names[0], fontsize=8)
        figure.supylabel(axis_names[1], fontsize=8)
    save_figure(figure, path)


def _set_unit_limits(axis: Axes) -> None:
    axis.set_xlim(-0.02, 1.02)
    axis.set_ylim(-0.02, 1.02)
    axis.set_aspect("equal")
    axis.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
    axis.set_yticks([0, 0.5, 1], ["0", "0.5", "1"])


def _say(axis: Axes, text: str, *, at: str) -> None:
    x, y, across, up = {
        "right": (0.98, 0.05, "right", "bottom"),
        "top": (0.98, 0.97, "right", "top"),
        "top-left": (0.04, 0.97, "left", "top"),
    }[at]
    axis.text(
        x,
        y,
        text,
        transform=axis.transAxes,
        ha=across,
        va=up,
        fontsize=_SMALL,
        # Readable where a curve runs behind it.
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 0.8},
    )


def _interval(row: Mapping[str, Any], score: str) -> str:
    ends = (row[f"{score}_low"], row[f"{score}_high"])
    return f"{_number(row[score], 3)}\n[{', '.join(_number(end, 3) for end in ends)}]"


def _number(value: float | None, decimals: int) -> str:
    number = _as_number(value)
    return "–" if math.isnan(number) else f"{number:.{decimals}f}"


def _as_number(value: float | None) -> float:
    return math.nan if value is None else float(value)


def _round_down(value: float) -> float:
    """The value with one significant digit, rounded down: a tick that fits on its axis."""
    magnitude = 10.0 ** math.floor(math.log10(value))
    return math.floor(value / magnitude) * magnitude


def _title(label: str) -> str:
    """The label as a title that fits over a panel.

    >>> _title("Pleural_Thickening"), _title("Enlarged_Cardiomediastinum")
    ('Pleural Thickening', 'Enlarged Cardiomed…')
    """
    text = label.replace("_", " ")
    return text if len(text) <= _LONGEST_TITLE else text[: _LONGEST_TITLE - 1] + "…"


def _thin(curve: Curve) -> Curve:
    """At most 300 points, first and last kept: a figure shows no more."""
    count = len(curve[0])
    kept = np.unique(np.linspace(0, count - 1, min(count, _MOST_POINTS)).round().astype(int))
    return curve[0][kept], curve[1][kept]
