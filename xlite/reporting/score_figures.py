"""All figures of an evaluation, among them the scores of each label by its prevalence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from xlite.reporting.call_figures import draw_confusion, draw_error_overlap
from xlite.reporting.curve_figures import draw_calibration, draw_precision_recall, draw_roc
from xlite.reporting.figures import BLUE, GREY, new_figure, save_figure
from xlite.reporting.score_panels import SMALL, TEXT, ScorePanels, title_of

MOST_LABELS = 28
"""Labels that figures show. Grids of 220 panels took two minutes and 3 GB, and nobody read them."""

FIGURES = (
    "roc",
    "precision_recall",
    "calibration",
    "score_by_prevalence",
    "confusion",
    "error_overlap",
)
"""The names of an evaluation's figures, each a PNG and an SVG."""
FIGURE_FILES = tuple(f"{name}.{kind}" for name in FIGURES for kind in ("png", "svg"))


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


def draw_score_by_prevalence(panels: ScorePanels, path: Path) -> None:
    """Write AUROC and average precision with intervals, labels sorted by prevalence."""
    names = sorted(panels.labels, key=lambda name: -panels.per_class[name].prevalence)
    rows = [panels.per_class[name] for name in names]
    figure = new_figure(7.2, 1.1 + 0.24 * len(rows))
    axes = figure.subplots(1, 2, sharey=True)
    heights = np.arange(len(rows))
    titles = {"auroc": "AUROC", "average_precision": "Average precision"}
    for axis, (score, title) in zip(axes, titles.items(), strict=True):
        values, low, high = (
            np.array([getattr(row, f"{score}{end}") for row in rows])
            for end in ("", "_low", "_high")
        )
        is_few = np.array([row.few_positives for row in rows], dtype=bool)
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
        axis.tick_params(axis="x", labelsize=SMALL)
        axis.spines[["top", "right"]].set_visible(False)
        axis.grid(axis="y", linewidth=0.3, color=GREY, alpha=0.4)
    axes[0].axvline(0.5, color="black", linewidth=0.6, linestyle=":")
    prevalence = [row.prevalence for row in rows]
    axes[1].plot(prevalence, heights, "k|", markersize=6, label="prevalence: chance")
    handles, entries = axes[1].get_legend_handles_labels()
    shown = [at for at, entry in enumerate(entries) if is_few.any() or "positives" not in entry]
    figure.legend(
        [handles[at] for at in shown],
        [entries[at] for at in shown],
        fontsize=SMALL,
        frameon=False,
        loc="outside lower right",
        ncols=2,
    )
    axes[1].set_xlim(0, None)
    ticks = [
        f"{title_of(name)}  {100 * row.prevalence:.2g} %"
        for name, row in zip(names, rows, strict=True)
    ]
    axes[0].set_yticks(heights, ticks, fontsize=TEXT)
    axes[0].set_ylim(-0.6, len(rows) - 0.4)
    if panels.selection:
        figure.suptitle(panels.selection, fontsize=9)
    save_figure(figure, path)
