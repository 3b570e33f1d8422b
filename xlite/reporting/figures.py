"""What all figures have in common: colours, an empty figure, files, a process that draws."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from xlite.files import atomic_path
from xlite.own_process import leave_objects_uncollected
from xlite.signals import end_with_parent, hold_back_interrupts

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Okabe & Ito 2008: told apart by colour-blind readers, and in grey.
BLUE, ORANGE, GREEN, GREY = "#0072B2", "#E69F00", "#009E73", "#999999"


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
    leave_objects_uncollected()


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


def save_picture(figure: Figure, path: Path, *, dpi: int) -> None:
    """Write the PNG `path` alone, atomically: a figure of films, of which an SVG holds nothing."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.text import Text

    for text in figure.findobj(Text):
        # A label is no formula, whatever signs it has.
        text.set_parse_math(False)
    figure.set_dpi(dpi)
    with atomic_path(path) as temporary:
        FigureCanvasAgg(figure).print_png(temporary)  # type: ignore[no-untyped-call]


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of that many inches with a constrained layout."""
    # Figure, not pyplot: no global state, no display, nothing to close.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure
