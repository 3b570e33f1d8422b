"""What the card says of the floor: what the label table alone reaches, and what the image adds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from xlite.console import decimal
from xlite.reporting.floored_run import FlooredRun
from xlite.reporting.log_markdown import escape, markdown_table

if TYPE_CHECKING:
    from xlite.results.shortcut_floor import Auroc, FloorScores

_TITLES = (
    *("label", "table alone", "95 % interval", "image adds", "95 % interval"),
    *("within views", "95 % interval"),
)


def describe_floor(run: FlooredRun | None) -> Iterator[str]:
    """What the image is worth on validation, a part of Markdown each.

    None: the split's files or the run's predictions could not be read, or are of folds.
    """
    if run is None:
        yield "What the label table reaches without the image was not measured."
        return
    floor, within = run.floor, run.within
    if floor is None:
        yield (
            "What the label table reaches without the image is not known: it says nothing of the "
            "images, or has fewer than ten patients."
        )
        return
    columns = ", ".join(map(escape, floor.columns))
    alone = "; ".join(f"{escape(name)} {one.auroc:.3f}" for name, one in floor.by_column.items())
    yield (
        f"What that is worth: the AUROC of the label table alone, a model of {columns} that is "
        f"fitted on {escape(floor.fitted_on)}, without any pixel; what the image adds to it; and "
        "the AUROC of the run over pairs of films of one view. Each column alone, macro AUROC: "
        f"{alone}."
    )
    of_views = within.per_class if within else {}
    rows = [_list_cells(label, floor.per_class[label], of_views.get(label)) for label in run.labels]
    rows.append(_list_cells("macro", floor.macro, within.macro if within else None))
    yield markdown_table(_TITLES, rows)
    if not floor.macro.is_shown:
        yield "That the image adds anything to the table is not shown by the macro mean."


def _list_cells(label: str, floor: FloorScores, within: Auroc | None) -> list[str]:
    cells = [
        label,
        decimal(floor.auroc),
        _describe_limits(floor.auroc_low, floor.auroc_high),
        decimal(floor.adds, sign=True),
        _describe_limits(floor.adds_low, floor.adds_high, sign=True),
    ]
    if within is None:
        return [*cells, "–", "–"]
    return [
        *cells,
        decimal(within.auroc),
        _describe_limits(within.auroc_low, within.auroc_high),
    ]


def _describe_limits(low: float, high: float, *, sign: bool = False) -> str:
    if low != low or high != high:
        return "–"
    return f"{decimal(low, sign=sign)} to {decimal(high, sign=sign)}"
