"""Panels of figures, one a label: what they show, and how they are laid out.

N images, C labels.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from xlite.reporting.figures import new_figure, save_figure
from xlite.results.label_scores import LabelScores

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

TEXT, SMALL = 7, 6
"""Sizes of type, in points."""

_COLUMNS = 4
_LONGEST_TITLE = 19


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
    is_called: NDArray[np.bool_]
    """(N, C) whether a label is called at its threshold."""
    called: NDArray[np.int8]
    """(N, C) targets, -1 where there is no threshold to call by."""
    per_class: Mapping[str, LabelScores]
    """The scores of each label."""
    num_labels: int | None = None
    """Of how many labels these are the ones with most positives; None when they are all."""

    def select_commonest(self, most: int) -> ScorePanels:
        """The panels of the labels with most positives, in their order."""
        if len(self.labels) <= most:
            return self
        positives = [-self.per_class[name].positives for name in self.labels]
        kept = np.sort(np.argsort(positives, kind="stable")[:most])
        return ScorePanels(
            labels=[self.labels[column] for column in kept],
            targets=self.targets[:, kept],
            probs=self.probs[:, kept],
            scaled=self.scaled[:, kept],
            is_called=self.is_called[:, kept],
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


def draw_grid(
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
        mark = "*" if row.few_positives else ""
        axis.set_title(f"{title_of(label)}{mark}  (n = {row.positives:,})", fontsize=TEXT, pad=3)
        axis.spines[["top", "right"]].set_visible(False)
        draw(axis, number, label)
        axis.tick_params(labelsize=SMALL)
    has_few = any(panels.per_class[label].few_positives for label in panels.labels)
    legend = f"n: positives{', * fewer than 30' if has_few else ''}"
    figure.suptitle("\n".join(filter(None, (title, legend, panels.selection))), fontsize=9)
    if axis_names[0]:
        figure.supxlabel(axis_names[0], fontsize=8)
        figure.supylabel(axis_names[1], fontsize=8)
    save_figure(figure, path)


def say_in(axis: Axes, text: str, *, at: str) -> None:
    """Write a text into a corner of a panel: "right" at the bottom, "top" right, or "top-left"."""
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
        fontsize=SMALL,
        # Readable where a curve runs behind it.
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 0.8},
    )


def title_of(label: str) -> str:
    """The label as a title that fits over a panel.

    >>> title_of("Pleural_Thickening"), title_of("Enlarged_Cardiomediastinum")
    ('Pleural Thickening', 'Enlarged Cardiomed…')
    """
    text = label.replace("_", " ")
    return text if len(text) <= _LONGEST_TITLE else text[: _LONGEST_TITLE - 1] + "…"


def write_number(value: float, decimals: int) -> str:
    """The number in so many decimals, a dash where it is undefined."""
    return "–" if math.isnan(value) else f"{value:.{decimals}f}"
