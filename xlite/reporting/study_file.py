"""What `xlite ablate` and `xlite compare` have found, read from their JSON files.

Undefined numbers are NaN, as everywhere but in JSON.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xlite.artifacts import read_json
from xlite.config import fingerprint_of
from xlite.errors import InputError

ABLATION_FILE, COMPARISON_FILE = "ablation.json", "comparison.json"
MACRO = "macro"
"""What the row of the mean over labels is called."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """A score and how it differs from the baseline's, with the interval of the difference."""

    value: float
    change: float
    low: float
    high: float
    p: float
    """Corrected for the number of labels."""


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


def find_study_files(experiments_dir: Path) -> list[Path]:
    """The files of the newest ablation and the newest comparison, where there are any."""
    paths = (experiments_dir / name for name in (ABLATION_FILE, COMPARISON_FILE))
    return [path for path in paths if path.exists()]


def read_study(path: Path) -> Ablation | Comparison:
    """The study in a file. Raises InputError when it is missing or holds none."""
    remedy = "Run `xlite ablate` or `xlite compare` again, or move the file away."
    content = read_json(path, remedy=remedy)
    try:
        if "baseline" in content:
            return _parse_ablation(content)
        return _parse_comparison(content)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            f"{path} is no ablation or comparison, or lacks part of it ({error!r}). {remedy}"
        ) from None


def _parse_ablation(content: Mapping[str, Any]) -> Ablation:
    variants = content["variants"]
    runs = [run["run"] for variant in variants for run in variant["runs"]]
    return Ablation(
        kind="ablation",
        source=fingerprint_of(["ablation", content["baseline"], sorted(runs)]),
        **_parse_common(content),
        runs=runs,
        baseline=str(content["baseline"]),
        seeds=[int(seed) for seed in content["seeds"]],
        rule=str(content["rule"]),
        verdicts=[
            VariantVerdict(
                variant=name,
                decision=str(verdict["decision"]),
                reasons=[str(reason) for reason in verdict["reasons"]],
            )
            for name, verdict in content["verdict"].items()
        ],
        rows=[_parse_row(row) for row in content["rows"]],
        collapses=[_describe_collapse(found) for found in content["collapse"]],
        failures=[
            f"{run['name']}: {run['error']}"
            for variant in variants
            for run in variant["runs"]
            if run["error"]
        ],
        costs={
            variant["name"]: {name: as_number(value) for name, value in variant["cost"].items()}
            for variant in variants
        },
    )


def _parse_row(row: Mapping[str, Any]) -> VariantRow:
    names = ("change", "low", "high", "p")
    keys = ("change", "change_low", "change_high", "p_holm")
    return VariantRow(
        variant=str(row["variant"]),
        label=str(row["label"]),
        train_positives=row["train_positives"],
        val_positives=row["val_positives"],
        has_few_positives=bool(row["few_positives"]),
        changes={
            score: Change(
                value=as_number(row[score]),
                **{n: as_number(row[f"{score}_{k}"]) for n, k in zip(names, keys, strict=True)},
            )
            for score in ("auroc", "average_precision", "f1")
        },
    )


def _parse_comparison(content: Mapping[str, Any]) -> Comparison:
    rows = [dict(row) for row in content["rows"]]
    methods = sorted((str(row["name"]), int(row["seeds"])) for row in rows)
    order = [str(name) for name in content["order"]]
    return Comparison(
        kind="comparison",
        source=fingerprint_of(["comparison", methods, order, content["images"]]),
        **_parse_common(content),
        runs=[],
        order=order,
        chosen=str(content["chosen"]),
        steps=[str(step) for step in content["steps"]],
        rows=rows,
    )


def _parse_common(content: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "time": str(content.get("time") or ""),
        "images": int(content["images"]),
        "patients": int(content["patients"]),
        "level": float(content["level"]),
        "command": str(content.get("command") or ""),
    }


def _describe_collapse(found: Mapping[str, Any]) -> str:
    labels = ", ".join(found["labels"])
    return (
        f"{found['variant']}: {found['kind']}: {labels}. That is, {found['meaning']}. "
        f"Likely cause: {found['cause']}"
    )


def corrected_p(row: Mapping[str, Any]) -> float:
    """The p of a comparison's row: corrected for all pairs, or by version 0.1 by Holm's method."""
    return as_number(row.get("p_all_pairs", row.get("p_holm")))


def as_number(value: float | None) -> float:
    """The number, or NaN for what JSON can't say."""
    return float("nan") if value is None else float(value)
