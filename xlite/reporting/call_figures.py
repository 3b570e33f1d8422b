"""Calls at the thresholds: the confusion of each label, and errors that go together.

Each function writes `<path>.png` and `<path>.svg`.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from xlite.reporting.figures import new_figure, save_figure
from xlite.reporting.score_panels import SMALL, TEXT, ScorePanels, draw_grid, title_of
from xlite.scores.error_overlap import correlate_errors

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw_confusion(panels: ScorePanels, path: Path) -> None:
    """Write the confusion matrix of each label at its threshold: counts, and shares of the row."""

    def draw(axis: Axes, column: int, label: str) -> None:
        is_present = panels.called[:, column] == 1
        is_absent = panels.called[:, column] == 0
        is_called = panels.is_called[:, column]
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
            axis.text(place, row, text, ha="center", va="center", fontsize=SMALL, color=color)
        axis.set_xticks([0, 1], ["called", "not called"])
        axis.set_yticks([0, 1], ["present", "absent"])
        axis.tick_params(length=0)
        axis.spines[:].set_visible(False)

    draw_grid(panels, draw, path, ("", ""), "Calls at the thresholds")


def draw_error_overlap(panels: ScorePanels, path: Path) -> None:
    """Write how errors of two labels go together over images: the φ coefficient of each pair."""
    is_known = panels.called >= 0
    is_error = panels.is_called != (panels.called == 1)
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
            axis.text(column, row, text, ha="center", va="center", fontsize=SMALL, color=color)
    names = [title_of(label) for label in panels.labels]
    axis.set_xticks(range(count), names, fontsize=TEXT, rotation=45, ha="right")
    axis.set_yticks(range(count), names, fontsize=TEXT)
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)
    question = "Do errors of two labels fall on the same images?"
    figure.suptitle("\n".join(filter(None, (question, panels.selection))), fontsize=9)
    bar = figure.colorbar(image, ax=axis, shrink=0.8)
    bar.set_label("φ (1: the same images)", fontsize=SMALL)
    bar.ax.tick_params(labelsize=SMALL)
    save_figure(figure, path)
