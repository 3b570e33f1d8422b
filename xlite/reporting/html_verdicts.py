"""The report's sections on verdicts: what was found, and by what rule."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from xlite.reporting.fold_sentences import describe_fold_tests
from xlite.reporting.html_figures import Effect, draw_forest
from xlite.reporting.html_page import (
    Block,
    Cell,
    Column,
    Command,
    Heading,
    Paragraph,
    Picture,
    Section,
    Table,
    Tone,
    VerdictBox,
    absent_section,
    bracket,
    number,
)
from xlite.reporting.judged_studies import ABLATION_FILE, COMPARISON_FILE, read_studies
from xlite.results.ablation import MACRO, Ablation, Change, Cost
from xlite.results.comparison import Comparison
from xlite.results.fold_tests import FoldTests

_ABLATE = "xlite ablate --model efficientnet_b0_mhsa --losses bce,pos-weight --seeds 0,1,2"
_COMPARE = "xlite compare"
VERDICT_TONES: dict[str, Tone] = {"ADOPT": "good", "REJECT": "bad", "TRADE-OFF": "mixed"}
_SCORES = {"auroc": "AUROC", "average_precision": "AP", "f1": "F1"}


def describe_studies(experiments_dir: Path) -> list[Section]:
    """The verdicts with their rules, the ablation behind them, and the comparison of methods."""
    found, faults = read_studies(experiments_dir)
    studies = found.values()
    ablation = next((study for study in studies if isinstance(study, Ablation)), None)
    comparison = next((study for study in studies if isinstance(study, Comparison)), None)
    return [
        _describe_verdicts(ablation, comparison, faults),
        _describe_ablation(ablation),
        _describe_comparison(comparison),
    ]


def _describe_verdicts(
    ablation: Ablation | None, comparison: Comparison | None, unreadable: Sequence[str]
) -> Section:
    key, title = "verdicts", "Verdicts"
    blocks: list[Block] = [Paragraph(fault, is_warning=True) for fault in unreadable]
    if ablation:
        blocks += [
            VerdictBox(
                subject=f"{variant} instead of {ablation.baseline}",
                word=verdict.decision,
                tone=VERDICT_TONES.get(verdict.decision, "open"),
                reason=" ".join(reason[:1].upper() + reason[1:] for reason in verdict.sentences),
                rule=ablation.rule,
            )
            for variant, verdict in ablation.verdict.items()
        ]
        faults = [f"Collapse: {collapse.sentence}" for collapse in ablation.collapse]
        faults += [f"Failed: {text}" for text in ablation.failures]
        blocks += [Paragraph(text, is_warning=True) for text in faults]
    if comparison:
        blocks.append(
            VerdictBox(
                subject=comparison.chosen,
                word="CHOSEN",
                tone="open",
                reason="; ".join(comparison.steps) + ".",
                rule=f"{', then '.join(comparison.order)}; each counts among those that the ones "
                "before it, the first by a paired test, could not tell apart.",
            )
        )
    if not blocks:
        return absent_section(key, title, "Nothing has been judged yet.", _ABLATE)
    return Section(key, title, blocks)


def _describe_ablation(study: Ablation | None) -> Section:
    key, title = "ablation", "Ablation"
    if study is None:
        return absent_section(key, title, f"There is no {ABLATION_FILE}.", _ABLATE)
    blocks: list[Block] = [
        Paragraph(
            f"Changes against {study.baseline} on {study.images:,} "
            f"{study.part_name} images of {study.patients:,} patients, seeds "
            f"{', '.join(map(str, study.seeds))}; "
            f"{study.level:.0%} intervals; p corrected for the number of labels (Holm). The rarest "
            "label in training comes first."
        ),
        _tabulate_macro(study),
        *_describe_selection(study),
    ]
    for variant in study.verdict:
        blocks.append(Heading(f"{variant} against {study.baseline}"))
        effects = [
            Effect((label or MACRO).replace("_", " "), change.change, change.low, change.high)
            for label in [*study.labels, None]
            if (row := study.find_row(variant, label)) is not None
            and (change := row.change("auroc")).change == change.change
        ]
        if effects:
            blocks.append(
                Picture(
                    uri=draw_forest(effects, axis_title="change of AUROC"),
                    alt=f"Change of AUROC under {variant} with its interval, label by label.",
                    caption="Green: the interval lies above 0; red: below. Of many intervals "
                    "one is likely to miss 0 by chance alone, so the corrected p decides. An "
                    "arrow: the interval goes on.",
                )
            )
        blocks.append(_tabulate_variant(study, variant))
    blocks += _describe_folds(study.over_folds, "auroc")
    if study.command:
        blocks.append(Command(study.command))
    return Section(key, title, blocks)


def _describe_selection(study: Ablation | Comparison) -> list[Block]:
    """What the score of the best is worth for having been chosen, and the count of choices."""
    told = [one.sentence for one in (study.winner, study.choices) if one is not None]
    return [Paragraph(f"{sentence}.") for sentence in told]


def _describe_folds(tests: FoldTests | None, score: str) -> list[Block]:
    """A paragraph a method: its macro mean over the folds."""
    return [Paragraph(f"{sentence}.") for sentence in describe_fold_tests(tests, score)]


def _tabulate_macro(study: Ablation) -> Table:
    columns = [Column(title="variant", is_number=False)]
    for name in _SCORES.values():
        columns += [Column(title=name), Column(title="change (interval)")]
    columns += [Column(title="minutes a run"), Column(title="peak MB")]
    costs = {variant.name: variant.cost for variant in study.variants}
    rows = []
    for variant in [study.baseline, *study.verdict]:
        row = study.find_row(variant, None)
        cells = [Cell(variant)]
        for score in _SCORES:
            change = row.change(score) if row else None
            is_baseline = variant == study.baseline
            cells.append(number(change.value if change else None))
            cells.append(Cell("–") if change is None or is_baseline else _show(change))
        cost = costs.get(variant, Cost())
        cells.append(number(cost.seconds_a_run / 60, 1))
        cells.append(number(cost.peak_memory_mb, 0))
        rows.append(cells)
    return Table(caption="Macro means over the labels, and cost.", columns=columns, rows=rows)


def _tabulate_variant(study: Ablation, variant: str) -> Table:
    columns = [
        Column(title="label", is_number=False),
        *(Column(title=title) for title in ("train +", "val +")),
    ]
    for name in _SCORES.values():
        columns += [Column(title=f"{name} change (interval)"), Column(title="p")]
    rows: list[list[Cell]] = []
    foot: list[list[Cell]] = []
    for label in [*study.labels, None]:
        row = study.find_row(variant, label)
        if row is None:
            continue
        cells = [
            Cell(row.label, is_marked=bool(row.few_positives)),
            number(row.train_positives, 0),
            number(row.val_positives, 0),
        ]
        for score in _SCORES:
            change = row.change(score)
            cells += [_show(change), number(change.p_holm)]
        (foot if row.is_macro else rows).append(cells)
    return Table(
        caption=f"{variant}: changes against {study.baseline}. * few positives in validation.",
        columns=columns,
        rows=rows,
        foot=foot,
    )


def _show(change: Change) -> Cell:
    """A change with its interval in one cell, sorted by the change."""
    cell = number(change.change, sign=True)
    if change.low != change.low:
        return cell
    return Cell(f"{cell.text} ({bracket(change.low, change.high, sign=True).text})", cell.value)


def _describe_comparison(study: Comparison | None) -> Section:
    key, title = "comparison", "Comparison"
    if study is None:
        return absent_section(key, title, f"There is no {COMPARISON_FILE}.", _COMPARE)
    blocks: list[Block] = [
        *show_comparison(study),
        *_describe_selection(study),
        *_describe_folds(study.over_folds, study.ranking_score),
    ]
    if study.command:
        blocks.append(Command(study.command))
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
