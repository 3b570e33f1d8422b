"""An ablation or a comparison as an entry of the experiment log."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from xlite.console import decimal
from xlite.reporting.log_markdown import LogEntry, markdown_table
from xlite.reporting.study_file import (
    MACRO,
    Ablation,
    Change,
    Comparison,
    as_number,
    corrected_p,
)

_UNKNOWN_COMMAND = "the file names no command"


def describe_study(
    study: Ablation | Comparison, *, path: Path, log_dir: Path, finished: str, environment: str
) -> LogEntry:
    """The study's entry of the log.

    path: its file, named from log_dir. finished: when the last of its runs ended, or nothing:
    then the time of judging stands in. environment: what its first run ran on, or nothing.
    """
    common = [
        f"Judged on: {study.images:,} validation images of {study.patients:,} patients; "
        f"{study.level:.0%} intervals",
        f"File: {Path(os.path.relpath(path, log_dir)).as_posix()} (the next {study.kind} "
        "overwrites it)",
    ]
    title, objective, key_result, decision, facts, tables = (
        _describe_ablation(study) if isinstance(study, Ablation) else _describe_comparison(study)
    )
    return LogEntry(
        kind=study.kind,
        source=study.source,
        finished=finished or study.time,
        title=title,
        objective=objective,
        key_result=key_result,
        decision=decision,
        facts=[*facts, *common],
        tables=tables,
        command_note="To reproduce, with the same split and cache"
        + (f" ({environment}):" if environment else ":"),
        command=study.command or f"# {_UNKNOWN_COMMAND}",
    )


_Parts = tuple[str, str, str, str, list[str], list[str]]


def _describe_ablation(study: Ablation) -> _Parts:
    others = ", ".join(study.variants) or "nothing that finished"
    verdicts = [f"{verdict.variant}: {verdict.decision}" for verdict in study.verdicts]
    macros = {name: study.find(name, None) for name in study.variants}
    changes = {name: row.changes["auroc"] for name, row in macros.items() if row is not None}
    key_result = "; ".join(f"{name} macro AUROC {_interval(c)}" for name, c in changes.items())
    facts = [
        f"Baseline: {study.baseline}; against it: {others}",
        f"Seeds: {', '.join(map(str, study.seeds))}",
        f"Runs: {', '.join(study.runs)}",
        *(
            f"VerdictBox on {verdict.variant}: {verdict.decision}. {' '.join(verdict.reasons)}"
            for verdict in study.verdicts
        ),
        f"Rule: {study.rule}",
        *(f"Collapse: {text}" for text in study.collapses),
        *(f"Failed: {text}" for text in study.failures),
        *(_describe_cost(name, cost) for name, cost in study.costs.items()),
    ]
    tables = []
    for score, title in (("auroc", "AUROC"), ("average_precision", "AP"), ("f1", "F1")):
        columns = ["label", "train +", "val +", f"{title} {study.baseline}", *study.variants]
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


def _describe_cost(name: str, cost: Mapping[str, float]) -> str:
    seconds, memory = cost.get("seconds_a_run"), cost.get("peak_memory_mb")
    parts = []
    if seconds is not None and seconds == seconds:
        parts.append(f"{seconds / 60:.1f} min a run")
    if memory is not None and memory == memory:
        parts.append(f"{memory:,.0f} MB at its peak")
    return f"Cost of {name}: {', '.join(parts) or 'not known'}"


def _count(study: Ablation, label: str | None) -> list[str]:
    row = study.find(study.baseline, label)
    if row is None or row.train_positives is None or row.val_positives is None:
        return ["", ""]
    return [f"{row.train_positives:,}", f"{row.val_positives:,}"]


def _list_changes(study: Ablation, label: str | None, score: str) -> list[str]:
    baseline = study.find(study.baseline, label)
    cells = [decimal(baseline.changes[score].value) if baseline else "–"]
    for variant in study.variants:
        row = study.find(variant, label)
        cells.append(_interval(row.changes[score]) if row else "–")
    return cells


def _interval(change: Change) -> str:
    text = decimal(change.change, sign=True)
    if change.low != change.low:
        return text
    return f"{text} ({decimal(change.low, sign=True)} to {decimal(change.high, sign=True)})"


def _describe_comparison(study: Comparison) -> _Parts:
    first = study.order[0].removeprefix("val.")
    columns = ["method", "rank", "seeds", *(name.removeprefix("val.") for name in study.order)]
    rows = []
    for row in study.rows:
        change = "–"
        if row.get("change") is not None:
            limits = (as_number(row.get(f"change_{side}")) for side in ("low", "high"))
            low, high = (decimal(limit, sign=True) for limit in limits)
            change = f"{decimal(row['change'], sign=True)} ({low} to {high})"
        scores = (decimal(row.get(name)) for name in columns[3:])
        p = decimal(corrected_p(row))
        rows.append([row["name"], row["rank"], row["seeds"], *scores, change, p])
    columns += [f"{first} against the best", "p (corrected)"]
    chosen = next((row for row in study.rows if row["name"] == study.chosen), {})
    return (
        f"comparison of {len(study.rows)} methods by {', '.join(study.order)}",
        "which method to choose by validation scores",
        f"{study.chosen}: {first} {decimal(chosen.get(first))}",
        f"chosen: {study.chosen}",
        [
            f"Rule: {', then '.join(study.order)}; a tie-breaker counts among those that the "
            "paired test can't tell from the best",
            *(f"Step: {step}" for step in study.steps),
        ],
        [markdown_table(columns, rows)],
    )
