"""What `xlite ablate` and `xlite compare` have found, read from their JSON files.

Undefined numbers are NaN, as everywhere but in JSON.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from xlite.errors import InputError
from xlite.files import read_json
from xlite.records import Record
from xlite.settings import fingerprint_of

ABLATION_FILE, COMPARISON_FILE = "ablation.json", "comparison.json"
MACRO = "macro"
"""What the row of the mean over labels is called."""

_SCORES = ("auroc", "average_precision", "f1")
_REMEDY = "Run `xlite ablate` or `xlite compare` again, or move the file away."


class Change(BaseModel):
    """A score and how it differs from the baseline's, with the interval of the difference."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=True, strict=True, defer_build=True)

    value: float
    change: float
    low: float
    high: float
    p: float
    """Corrected for the number of labels."""

    @field_validator("*", mode="before")
    @classmethod
    def _read_undefined(cls, value: Any) -> Any:
        return float("nan") if value is None else value


@dataclass(frozen=True, kw_only=True)
class VariantRow:
    """One variant and label, or the macro mean."""

    variant: str
    label: str
    train_positives: int | None
    val_positives: int | None
    has_few_positives: bool
    changes: Mapping[str, Change]
    """By score: auroc, average_precision, f1."""

    @property
    def is_macro(self) -> bool:
        """Whether it is the mean: a label may be called "macro", but has a count."""
        return self.val_positives is None


@dataclass(frozen=True, kw_only=True)
class VariantVerdict:
    """What the rule says of a variant."""

    variant: str
    decision: str
    reasons: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class Study:
    """What ablations and comparisons have in common."""

    kind: str
    """"ablation" or "comparison"."""
    source: str
    """Tells what was compared: the same for the same runs, however often they are judged."""
    time: str
    """When it was judged, ISO 8601, or nothing."""
    images: int
    patients: int
    level: float
    runs: Sequence[str]
    """The folders of its runs, as far as the file names them."""
    command: str
    """What made it, or nothing."""


@dataclass(frozen=True, kw_only=True)
class Ablation(Study):
    """Variants against a baseline."""

    baseline: str
    seeds: Sequence[int]
    rule: str
    verdicts: Sequence[VariantVerdict]
    rows: Sequence[VariantRow]
    collapses: Sequence[str]
    """A sentence each."""
    failures: Sequence[str]
    """The runs that failed, with their errors: they are not in the rows."""
    costs: Mapping[str, Mapping[str, float]]
    """By variant: seconds_a_run, epochs_a_run, peak_memory_mb."""

    @property
    def variants(self) -> list[str]:
        """The variants that were compared with the baseline."""
        return [verdict.variant for verdict in self.verdicts]

    @property
    def labels(self) -> list[str]:
        """The labels in the order of the rows, rarest first, without the macro mean."""
        return list(dict.fromkeys(row.label for row in self.rows if not row.is_macro))

    def find(self, variant: str, label: str | None) -> VariantRow | None:
        """The row of a variant and a label, or of the macro mean for None."""
        return next(
            (
                row
                for row in self.rows
                if row.variant == variant
                and (row.is_macro if label is None else not row.is_macro and row.label == label)
            ),
            None,
        )


@dataclass(frozen=True, kw_only=True)
class Comparison(Study):
    """Methods in the order of their ranking."""

    order: Sequence[str]
    """The scores that decide, first to last."""
    chosen: str
    steps: Sequence[str]
    """How the choice came about, a sentence each."""
    rows: Sequence[Mapping[str, Any]]
    """rank, name, seeds, scores, and the change against the best with interval and p."""


class _Part(BaseModel):
    model_config = ConfigDict(allow_inf_nan=False, strict=True, defer_build=True)


class _VerdictRecord(_Part):
    decision: str
    reasons: list[str]


class _VariantRunRecord(_Part):
    name: str
    run: str
    error: str | None


class _VariantRecord(_Part):
    name: str
    cost: dict[str, float | None]
    runs: list[_VariantRunRecord]


class _CollapseRecord(_Part):
    variant: str
    kind: str
    meaning: str
    cause: str
    labels: dict[str, list[int]]


class _RowRecord(_Part):
    """A variant and a label: the columns by score are in `changes`."""

    variant: str
    label: str
    train_positives: int | None
    val_positives: int | None
    few_positives: bool | None
    changes: dict[str, Change]

    @model_validator(mode="before")
    @classmethod
    def _gather_changes(cls, row: Any) -> Any:
        if not isinstance(row, dict):
            return row
        keys = {"change": "change", "low": "change_low", "high": "change_high", "p": "p_holm"}
        changes = {}
        for score in _SCORES:
            names = {"value": score, **{n: f"{score}_{key}" for n, key in keys.items()}}
            absent = [name for name in names.values() if name not in row]
            if absent:
                raise ValueError(f"it has no {absent[0]!r}")
            changes[score] = {field: row[name] for field, name in names.items()}
        return {**row, "changes": changes}


class _StudyRecord(Record):
    time: str | None = None
    command: str | None = None
    images: int
    patients: int
    level: float


class _AblationRecord(_StudyRecord):
    baseline: str
    seeds: list[int]
    rule: str
    verdict: dict[str, _VerdictRecord]
    variants: list[_VariantRecord]
    collapse: list[_CollapseRecord]
    rows: list[_RowRecord]


class _MethodRecord(_Part):
    """A method's row, with whatever else the file says of it."""

    model_config = ConfigDict(extra="allow", allow_inf_nan=False, strict=True, defer_build=True)

    name: str
    rank: int
    seeds: int
    change: float | None = None
    change_low: float | None = None
    change_high: float | None = None
    p_holm: float | None = None
    """Of version 0.1."""
    p_all_pairs: float | None = None
    auroc_expected: float | None = None
    average_precision_expected: float | None = None
    f1_expected: float | None = None


class _ComparisonRecord(_StudyRecord):
    order: list[str] = Field(min_length=1)
    chosen: str
    steps: list[str]
    rows: list[_MethodRecord]


def read_studies(experiments_dir: Path) -> tuple[dict[Path, Ablation | Comparison], list[str]]:
    """The newest ablation and comparison by their files, and a sentence for each unreadable one."""
    found: dict[Path, Ablation | Comparison] = {}
    faults = []
    for name in (ABLATION_FILE, COMPARISON_FILE):
        path = experiments_dir / name
        if os.path.lexists(path):
            try:
                found[path] = read_study(path)
            except InputError as error:
                faults.append(f"{name} is left out: {error}")
    return found, faults


def read_study(path: Path) -> Ablation | Comparison:
    """The study in a file. Raises InputError when it is missing or holds none."""
    if "baseline" in read_json(path, remedy=_REMEDY):
        return _build_ablation(_AblationRecord.read(path, remedy=_REMEDY))
    return _build_comparison(_ComparisonRecord.read(path, remedy=_REMEDY))


def _build_ablation(record: _AblationRecord) -> Ablation:
    runs = [run.run for variant in record.variants for run in variant.runs]
    return Ablation(
        kind="ablation",
        source=fingerprint_of(["ablation", record.baseline, sorted(runs)]),
        **_describe_common(record),
        runs=runs,
        baseline=record.baseline,
        seeds=record.seeds,
        rule=record.rule,
        verdicts=[
            VariantVerdict(variant=name, decision=verdict.decision, reasons=verdict.reasons)
            for name, verdict in record.verdict.items()
        ],
        rows=[
            VariantRow(
                variant=row.variant,
                label=row.label,
                train_positives=row.train_positives,
                val_positives=row.val_positives,
                has_few_positives=bool(row.few_positives),
                changes=row.changes,
            )
            for row in record.rows
        ],
        collapses=[
            f"{found.variant}: {found.kind}: {', '.join(found.labels)}. That is, {found.meaning}. "
            f"Likely cause: {found.cause}"
            for found in record.collapse
        ],
        failures=[
            f"{run.name}: {run.error}"
            for variant in record.variants
            for run in variant.runs
            if run.error
        ],
        costs={
            variant.name: {name: as_number(value) for name, value in variant.cost.items()}
            for variant in record.variants
        },
    )


def _build_comparison(record: _ComparisonRecord) -> Comparison:
    rows = [row.model_dump() for row in record.rows]
    methods = sorted((row.name, row.seeds) for row in record.rows)
    return Comparison(
        kind="comparison",
        source=fingerprint_of(["comparison", methods, record.order, record.images]),
        **_describe_common(record),
        runs=[],
        order=record.order,
        chosen=record.chosen,
        steps=record.steps,
        rows=rows,
    )


def _describe_common(record: _StudyRecord) -> dict[str, Any]:
    return {
        "time": record.time or "",
        "images": record.images,
        "patients": record.patients,
        "level": record.level,
        "command": record.command or "",
    }


def corrected_p(row: Mapping[str, Any]) -> float:
    """The p of a comparison's row: corrected for all pairs, or by version 0.1 by Holm's method."""
    p = row.get("p_all_pairs")
    return as_number(row.get("p_holm") if p is None else p)


def as_number(value: float | None) -> float:
    """The number, or NaN for what JSON can't say."""
    return float("nan") if value is None else float(value)
