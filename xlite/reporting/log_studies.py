"""An ablation or a comparison as an entry of the experiment log."""

from __future__ import annotations

import math
import os
from pathlib import Path

from xlite.console import decimal
from xlite.reporting.fold_sentences import describe_fold_tests
from xlite.reporting.log_markdown import LogEntry, markdown_table
from xlite.reporting.reproduction import build_judging_command
from xlite.results.ablation import MACRO, Ablation, Change, Cost
from xlite.results.comparison import Comparison, MethodRow
from xlite.settings import fingerprint_of

_UNKNOWN_COMMAND = "the file names no command"


def describe_study(
    study: Ablation | Comparison, *, path: Path, log_dir: Path, finished: str, environment: str
) -> LogEntry:
    """The study's entry of the log.

    path: its file, named from log_dir. finished: when the last of its runs ended, or nothing:
    then the time of judging stands in. environment: what its first run ran on, or nothing.
    """
    score = "auroc" if isinstance(study, Ablation) else study.ranking_score
    common = [
        f"Judged on: {study.images:,} {study.part_name} images of {study.patients:,} patients; "
        f"{study.level:.0%} intervals",
        f"File: {Path(os.path.relpath(path, log_dir)).as_posix()} (the next {study.kind} "
        "overwrites it)",
        *describe_fold_tests(study.over_folds, score),
        *([f"Best: {study.winner.sentence}"] if study.winner is not None else []),
        *([study.choices.sentence] if study.choices is not None else []),
    ]
    title, objective, key_result, decision, facts, tables = (
        _describe_ablation(study) if isinstance(study, Ablation) else _describe_comparison(study)
    )
    return LogEntry(
        kind=study.kind,
        source=identify_study(study),
        finished=finished or study.time,
        title=title,
        objective=objective,
        key_result=key_result,
        decision=decision,
        facts=[*facts, *common],
        tables=tables,
        command_note="To reproduce, with the same split and cache"
        + (f" ({environment}):" if environment else ":"),
        command=build_judging_command(study, path.parent) or f"# {_UNKNOWN_COMMAND}",
    )


def identify_study(study: Ablation | Comparison) -> str:
    """What was compared: the same for the same runs, however often they are judged."""
    if isinstance(study, Ablation):
        return fingerprint_of([study.kind, study.baseline, sorted(study.run_names)])
    methods = sorted((row.name, row.seeds) for row in study.rows)
    return fingerprint_of([study.kind, methods, list(study.order), study.images])


_Parts = tuple[str, str, str, str, list[str], list[str]]


def _describe_ablation(study: Ablation) -> _Parts:
    others = ", ".join(study.verdict) or "nothing that finished"
    verdicts = [f"{name}: {verdict.decision}" for name, verdict in study.verdict.items()]
    macros = {name: study.find_row(name, None) for name in study.verdict}
    changes = {name: row.change("auroc") for name, row in macros.items() if row is not None}
    key_result = "; ".join(f"{name} macro AUROC {_interval(c)}" for name, c in changes.items())
    facts = [
        f"Baseline: {study.baseline}; against it: {others}",
        f"Seeds: {', '.join(map(str, study.seeds))}",
        f"Runs: {', '.join(study.run_names)}",
        *(
            f"Verdict on {name}: {verdict.decision}. {' '.join(verdict.sentences)}"
            for name, verdict in study.verdict.items()
        ),
        f"Rule: {study.rule}",
        *(f"Collapse: {collapse.sentence}" for collapse in study.collapse),
        *(f"Failed: {text}" for text in study.failures),
        *(_describe_cost(variant.name, variant.cost) for variant in study.variants),
    ]
    tables = []
    for score, title in (("auroc", "AUROC"), ("average_precision", "AP"), ("f1", "F1")):
        columns = ["label", "train +", "val +", f"{title} {study.baseline}", *study.verdict]
        rows = [
            [label or MACRO, *_count(study, label), *_list_changes(study, label, score)]
            for label in [*study.labels, None]
        ]
        tables.append(f"{title} and its change against {study.baseline}:")
        tables.append(markdown_table(columns, rows))
    return (
        f"{study.baseline} against {others}",
        f"whether {others} should replace {study.baseline}",
        key_result,
        "; ".join(verdicts),
        facts,
        tables,
    )


def _describe_cost(name: str, cost: Cost) -> str:
    parts = []
    if not math.isnan(cost.seconds_a_run):
        parts.append(f"{cost.seconds_a_run / 60:.1f} min a run")
    if not math.isnan(cost.peak_memory_mb):
        parts.append(f"{cost.peak_memory_mb:,.0f} MB at its peak")
    return f"Cost of {name}: {', '.join(parts) or 'not known'}"


def _count(study: Ablation, label: str | None) -> list[str]:
    row = study.find_row(study.baseline, label)
    if row is None or row.train_positives is None or row.val_positives is None:
        return ["", ""]
    return [f"{row.train_positives:,}", f"{row.val_positives:,}"]


def _list_changes(study: Ablation, label: str | None, score: str) -> list[str]:
    baseline = study.find_row(study.baseline, label)
    cells = [decimal(baseline.change(score).value) if baseline else "–"]
    for variant in study.verdict:
        row = study.find_row(variant, label)
        cells.append(_interval(row.change(score)) if row else "–")
    return cells


def _interval(change: Change) -> str:
    text = decimal(change.change, sign=True)
    if change.low != change.low:
        return text
    return f"{text} ({decimal(change.low, sign=True)} to {decimal(change.high, sign=True)})"


def _describe_comparison(study: Comparison) -> _Parts:
    first = study.ranking_score
    scores = [name.removeprefix("val.") for name in study.order]
    columns = ["method", "rank", "seeds", *scores]
    rows = [
        [
            *(row.name, row.rank, row.seeds),
            *(decimal(row.score(name)) for name in scores),
            *(_describe_change(row), decimal(row.corrected_p)),
        ]
        for row in study.rows
    ]
    columns += [f"{first} against the best", "p (corrected)"]
    chosen = next((row.score(first) for row in study.rows if row.name == study.chosen), None)
    return (
        f"comparison of {len(study.rows)} methods by {', '.join(study.order)}",
        "which method to choose by validation scores",
        f"{study.chosen}: {first} {decimal(chosen)}",
        f"chosen: {study.chosen}",
        [
            f"Rule: {', then '.join(study.order)}; a tie-breaker counts among those that the "
            "paired test can't tell from the best",
            *(f"Step: {step}" for step in study.steps),
            *(
                f"Verdict on {name} against {study.best}: {verdict.decision}. "
                + " ".join(verdict.sentences)
                for name, verdict in study.verdict.items()
            ),
            *([f"Rule of verdicts: {study.rule}"] if study.rule else []),
            *([] if study.grown is None else [f"Note: {study.grown.sentence}"]),
        ],
        [markdown_table(columns, rows)],
    )


def _describe_change(row: MethodRow) -> str:
    if row.change is None:
        return "–"
    change, low, high = (
        decimal(value, sign=True) for value in (row.change, row.change_low, row.change_high)
    )
    return f"{change} ({low} to {high})"
