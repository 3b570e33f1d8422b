"""The report's section on methods side by side."""

from __future__ import annotations

from pathlib import Path

from xlite.reporting.html_page import (
    Block,
    Cell,
    Column,
    Command,
    Paragraph,
    Section,
    Table,
    absent_section,
    bracket,
    number,
)
from xlite.reporting.judged_studies import COMPARISON_FILE
from xlite.reporting.reproduction import build_judging_command
from xlite.reporting.verdict_blocks import (
    describe_folds,
    describe_selection,
    show_chances,
    show_verdict,
)
from xlite.results.comparison import Comparison, MethodRow

_COMPARE = "xlite compare"


def describe_comparison(study: Comparison | None, experiments_dir: Path) -> Section:
    """The methods, what each is worth against the best, and the tests over folds."""
    key, title = "comparison", "Comparison"
    if study is None:
        return absent_section(key, title, f"There is no {COMPARISON_FILE}.", _COMPARE)
    blocks: list[Block] = [
        *show_comparison(study),
        *(
            show_verdict(f"{name} against {study.best}", verdict, study.rule)
            for name, verdict in study.verdict.items()
        ),
        *describe_selection(study),
        *describe_folds(study.over_folds, study.ranking_score),
    ]
    command = build_judging_command(study, experiments_dir)
    if command is not None:
        blocks.append(Command(command))
    return Section(key, title, blocks)


def show_comparison(study: Comparison) -> list[Block]:
    """The methods in a table, and beside it what has to be known of its intervals."""
    notes = [] if study.grown is None else [Paragraph(study.grown.sentence, is_warning=True)]
    return [*notes, _tabulate_comparison(study)]


def _tabulate_comparison(study: Comparison) -> Table:
    """The methods in the order of their ranking, a row each."""
    first = study.ranking_score
    scores = {"auroc": "AUROC", "average_precision": "AP", "f1": "F1", "recall": "recall"}
    titles = (
        *("rank", "seeds", *scores.values(), f"{first} expected"),
        *(f"{first} against the best", "interval", "p"),
        *(("verdict", "P worse / equivalent / better") if study.verdict else ()),
    )
    rows = [
        [
            Cell(row.name),
            number(row.rank, 0),
            number(row.seeds, 0),
            *(number(row.score(name)) for name in scores),
            number(row.expected(first)),
            number(row.change, sign=True),
            bracket(row.change_low, row.change_high, sign=True),
            number(row.corrected_p),
            *_show_verdict_cells(study, row),
        ]
        for row in study.rows
    ]
    return Table(
        caption=f"Methods on {study.images:,} {study.part_name} images of {study.patients:,} "
        "patients. Equal ranks: the paired test can't tell them apart. Expected: on other "
        "patients, since the best is the best by chance, too.",
        columns=[Column(title="method", is_number=False), *(Column(title=name) for name in titles)],
        rows=rows,
    )


def _show_verdict_cells(study: Comparison, row: MethodRow) -> list[Cell]:
    """The verdict on a method and its chances; of a comparison without verdicts nothing."""
    if not study.verdict:
        return []
    verdict = study.verdict.get(row.name)
    return [Cell(verdict.decision if verdict else "–"), show_chances(row)]
