"""The report's first section: what the project's data say, and no more than that."""

from __future__ import annotations

from collections.abc import Sequence

from xlite.reporting.absences import NO_RUN, Absence
from xlite.reporting.floored_run import FlooredRun
from xlite.reporting.html_page import (
    Block,
    Cell,
    Column,
    Paragraph,
    Section,
    Table,
    absent_section,
    bracket,
    number,
)
from xlite.reporting.html_runs import score_macro_auroc
from xlite.reporting.run_images import RunImages

_TITLES = ("AUROC", "95 % interval", "table alone", "95 % interval", "within views")


def describe_summary(
    runs: Sequence[RunImages],
    floors: Sequence[FlooredRun],
    *,
    lead: Sequence[Block],
    sentences: Sequence[str],
    absence: Absence = NO_RUN,
) -> Section:
    """What the page begins with, and macro AUROC of the chosen runs beside what they are worth
    without the image.

    floors: of the same runs. sentences: how often validation and test part were used, and what the
    doctor says.
    """
    key, title = "summary", "In short"
    if not lead:
        return absent_section(key, title, *absence)
    blocks = [*lead, *([_tabulate(runs, floors)] if runs else []), *map(Paragraph, sentences)]
    return Section(key, title, blocks)


def _tabulate(runs: Sequence[RunImages], floors: Sequence[FlooredRun]) -> Table:
    rows = []
    for run, floored in zip(runs, floors, strict=True):
        auroc, low, high = score_macro_auroc(run)
        table, within = floored.floor, floored.within
        rows.append(
            [
                Cell(run.name),
                number(auroc),
                bracket(low, high),
                number(table.macro.auroc if table else None),
                bracket(table.macro.auroc_low, table.macro.auroc_high) if table else Cell("–"),
                number(within.macro.auroc if within else None),
            ]
        )
    return Table(
        caption="Macro AUROC of validation. A place in this table is no ranking: runs are told "
        "apart by a paired test, as verdicts and comparisons are. Table alone: what the table's "
        "columns reach without any pixel.",
        columns=[
            Column(title="run", is_number=False),
            *(Column(title=title) for title in _TITLES),
        ],
        rows=rows,
    )
