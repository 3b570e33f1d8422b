"""The report's sections on verdicts: what was found, and by what rule."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from xlite.reporting.html_comparison import describe_comparison
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
    VerdictBox,
    absent_section,
    number,
    show_estimate,
)
from xlite.reporting.judged_studies import ABLATION_FILE, read_studies
from xlite.reporting.reproduction import build_judging_command
from xlite.reporting.verdict_blocks import (
    describe_folds,
    describe_selection,
    show_chances,
    show_verdict,
)
from xlite.results.ablation import MACRO, Ablation, Cost
from xlite.results.comparison import Comparison

_ABLATE = "xlite ablate --model efficientnet_b0_mhsa --losses bce,pos-weight --seeds 0,1,2"
_COMPARE = "xlite compare"
_SCORES = {"auroc": "AUROC", "average_precision": "AP", "f1": "F1"}


def describe_studies(experiments_dir: Path) -> list[Section]:
    """The verdicts with their rules, the ablation behind them, and the comparison of methods."""
    found, faults = read_studies(experiments_dir)
    studies = found.values()
    ablation = next((study for study in studies if isinstance(study, Ablation)), None)
    comparison = next((study for study in studies if isinstance(study, Comparison)), None)
    return [
        _describe_verdicts(ablation, comparison, faults),
        _describe_ablation(ablation, experiments_dir),
        describe_comparison(comparison, experiments_dir),
    ]


def _describe_verdicts(
    ablation: Ablation | None, comparison: Comparison | None, unreadable: Sequence[str]
) -> Section:
    key, title = "verdicts", "Verdicts"
    blocks: list[Block] = [Paragraph(fault, is_warning=True) for fault in unreadable]
    if ablation:
        blocks += [
            show_verdict(f"{variant} instead of {ablation.baseline}", verdict, ablation.rule)
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


def _describe_ablation(study: Ablation | None, experiments_dir: Path) -> Section:
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
        *describe_selection(study),
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
                    draw=partial(draw_forest, effects, axis_title="change of AUROC"),
                    alt=f"Change of AUROC under {variant} with its interval, label by label.",
                    caption="Green: the interval lies above 0; red: below. Of many intervals "
                    "one is likely to miss 0 by chance alone, so the corrected p decides. An "
                    "arrow: the interval goes on.",
                )
            )
        blocks.append(_tabulate_variant(study, variant))
    blocks += describe_folds(study.over_folds, "auroc")
    command = build_judging_command(study, experiments_dir)
    if command is not None:
        blocks.append(Command(command))
    return Section(key, title, blocks)


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
            cells.append(
                Cell("–")
                if change is None or is_baseline
                else show_estimate(change.change, change.low, change.high)
            )
        cost = costs.get(variant, Cost())
        cells.append(number(cost.seconds_a_run / 60, 1))
        cells.append(number(cost.peak_memory_mb, 0))
        rows.append(cells)
    return Table(caption="Macro means over the labels, and cost.", columns=columns, rows=rows)


def _tabulate_variant(study: Ablation, variant: str) -> Table:
    macro = study.find_row(variant, None)
    told = [
        name
        for score, name in _SCORES.items()
        if macro is not None and macro.change(score).p_worse is not None
    ]
    columns = [
        Column(title="label", is_number=False),
        *(Column(title=title) for title in ("train +", "val +")),
    ]
    for name in _SCORES.values():
        columns += [Column(title=f"{name} change (interval)"), Column(title="p")]
        columns += [Column(title="P worse / equivalent / better")] if name in told else []
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
            cells += [show_estimate(change.change, change.low, change.high), number(change.p_holm)]
            cells += [show_chances(change)] if _SCORES[score] in told else []
        (foot if row.is_macro else rows).append(cells)
    return Table(
        caption=f"{variant}: changes against {study.baseline}. * few positives in validation."
        + _describe_margins(study, told),
        columns=columns,
        rows=rows,
        foot=foot,
    )


def _describe_margins(study: Ablation, told: Sequence[str]) -> str:
    """What P worse, equivalent and better are beyond, of the scores that are told."""
    margins = [
        f"{name} {study.margins[score]:g}"
        for score, name in _SCORES.items()
        if name in told and score in study.margins
    ]
    beyond = f" Margins: {', '.join(margins)}." if margins else ""
    return (
        f" P: that the true change is a fall, or a rise, beyond the margin.{beyond}" if told else ""
    )
