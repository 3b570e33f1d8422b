"""The report's section on what scores are worth: the table alone, and the model within views."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from xlite.reporting.absences import NO_RUN, Absence
from xlite.reporting.floored_run import FlooredRun
from xlite.reporting.html_page import (
    Block,
    Cell,
    Column,
    Heading,
    Paragraph,
    Section,
    Table,
    absent_section,
    bracket,
    number,
)

if TYPE_CHECKING:
    from xlite.results.shortcut_floor import Auroc, FloorScores


def describe_floor(runs: Sequence[FlooredRun], *, absence: Absence = NO_RUN) -> Section:
    """What the table's own columns reach without the image, and what each run adds to them."""
    key, title = "floor", "What scores are worth without the image"
    if not runs:
        return absent_section(key, title, *absence)
    blocks: list[Block] = [
        Paragraph(
            "Validation part, 95 % intervals. Table alone: a model of the columns that the split's "
            "files have, fitted on training patients, without any pixel. The image adds: AUROC of "
            "table and image together minus that of the table, cross-fitted by patient. Within "
            "views: pairs of films of one view alone."
        )
    ]
    for run in runs:
        blocks.append(Heading(run.name))
        blocks += _tabulate(run)
    return Section(key, title, blocks)


def _tabulate(run: FlooredRun) -> list[Block]:
    floor, within = run.floor, run.within
    if floor is None:
        return [Paragraph("The table knows nothing of the images, or has fewer than ten patients.")]
    rows = [
        _list_cells(label, floor.per_class[label], within.per_class[label] if within else None)
        for label in run.labels
    ]
    titles = ("table alone", "95 % interval", "image adds", "95 % interval", "within views")
    alone = "; ".join(f"{name} {one.auroc:.3f}" for name, one in floor.by_column.items())
    table = Table(
        caption=f"{run.name}: {', '.join(floor.columns)}, fitted on {floor.fitted_on}. Each column "
        f"alone, macro AUROC: {alone}.",
        columns=[
            Column(title="label", is_number=False),
            *(Column(title=title) for title in (*titles, "95 % interval")),
        ],
        rows=rows,
        foot=[_list_cells("macro", floor.macro, within.macro if within else None)],
    )
    if floor.macro.is_shown:
        return [table]
    said = "That the image adds anything to the table is not shown by the macro mean."
    return [table, Paragraph(said, is_warning=True)]


def _list_cells(label: str, floor: FloorScores, within: Auroc | None) -> list[Cell]:
    cells = [
        Cell(label),
        number(floor.auroc),
        bracket(floor.auroc_low, floor.auroc_high),
        number(floor.adds),
        bracket(floor.adds_low, floor.adds_high),
    ]
    if within is None:
        return [*cells, Cell("–"), Cell("–")]
    return [*cells, number(within.auroc), bracket(within.auroc_low, within.auroc_high)]
