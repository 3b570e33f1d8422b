"""The report's first section: what the project's data say, and no more than that."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from xlite.console import decimal
from xlite.reporting.floored_run import FlooredRun
from xlite.reporting.html_page import (
    NO_RUN,
    Absence,
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
from xlite.reporting.judged_studies import read_studies
from xlite.reporting.run_images import RunImages
from xlite.results.ablation import Ablation, VariantVerdict

_TITLES = ("AUROC", "95 % interval", "table alone", "95 % interval", "within views")


def describe_summary(
    runs: Sequence[RunImages],
    floors: Sequence[FlooredRun],
    experiments_dir: Path,
    *,
    rng: np.random.Generator,
    sentences: Sequence[str],
    absence: Absence = NO_RUN,
) -> Section:
    """Macro AUROC of the chosen runs beside what they are worth without the image, and verdicts.

    floors: of the same runs. sentences: how often validation and test part were used, and what the
    doctor says.
    """
    key, title = "summary", "In short"
    verdicts = list(_list_verdicts(experiments_dir))
    if not runs and not verdicts:
        return absent_section(key, title, *absence)
    blocks: list[Block] = [_tabulate(runs, floors, rng)] if runs else []
    blocks += [Paragraph(text) for text in (*verdicts, *sentences)]
    return Section(key, title, blocks)


def _tabulate(
    runs: Sequence[RunImages], floors: Sequence[FlooredRun], rng: np.random.Generator
) -> Table:
    rows = []
    for run, floored in zip(runs, floors, strict=True):
        auroc, low, high = score_macro_auroc(run, rng)
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


def _list_verdicts(experiments_dir: Path) -> Iterable[str]:
    """A sentence a variant of the newest ablation; what can't be read is said in its section."""
    found, _ = read_studies(experiments_dir)
    for study in found.values():
        if isinstance(study, Ablation):
            for variant, verdict in study.verdict.items():
                yield _describe_verdict(study, variant, verdict)


def _describe_verdict(study: Ablation, variant: str, verdict: VariantVerdict) -> str:
    text = f"{variant} instead of {study.baseline}: {verdict.decision}."
    row = study.find_row(variant, None)
    if row is None:
        return text
    change = row.change("auroc")
    low, high = (decimal(limit, sign=True) for limit in (change.low, change.high))
    text += f" Macro AUROC {decimal(change.change, sign=True)}, {low} to {high}"
    if change.p_worse is None:
        return f"{text}."
    chances = (change.p_worse, change.p_equivalent, change.p_better)
    worse, equivalent, better = map(decimal, chances)
    return f"{text}; P worse {worse}, equivalent {equivalent}, better {better}."
