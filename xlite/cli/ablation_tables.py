"""The tables that `xlite ablate` prints, at most 120 columns wide for names of usual length."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from xlite import console
from xlite.cli.fold_tables import print_fold_tests
from xlite.cli.intervals import bracket
from xlite.cli.verdict_tables import print_verdicts
from xlite.console import decimal

if TYPE_CHECKING:
    from xlite.results.ablation import Ablation, Change, VariantRow

_VARIANTS_A_TABLE = 2


def print_ablation(found: Ablation) -> None:
    """Print the macro scores, each class's change, what has collapsed, and the verdicts."""
    macros = {row.variant: row for row in found.rows if row.is_macro}
    _print_macro(found, list(macros.values()))
    for variant in found.variants:
        if "=" not in variant.name:  # a combination under a name of its own
            values = ", ".join(f"{name}={value}" for name, value in variant.values.items())
            console.say(f"{variant.name}: {values}")
    others = list(macros)[1:]
    for start in range(0, len(others), _VARIANTS_A_TABLE):
        _print_classes(found, others[start : start + _VARIANTS_A_TABLE])
    for collapse in found.collapse:
        console.warn(
            f"{collapse.variant}: {collapse.kind} ({collapse.meaning}): "
            f"{', '.join(collapse.labels)}. Likely cause: {collapse.cause}."
        )
    if found.over_folds is not None:
        print_fold_tests(found.over_folds, found.baseline, level=found.level)
    print_verdicts(found, macros)
    if found.winner is not None:
        console.say(f"Best macro mean: {found.winner.sentence} (covers {found.winner.covers}).")
    if found.choices is not None:
        console.say(f"{found.choices.sentence}.")


def _print_macro(found: Ablation, rows: Sequence[VariantRow]) -> None:
    costs = {variant.name: variant.cost for variant in found.variants}
    cells = []
    for row in rows:
        cost = costs[row.variant]
        cells.append(
            [
                row.variant,
                str(row.seeds),
                decimal(row.auroc),
                *(
                    "baseline" if row.variant == found.baseline else _describe(row.change(score))
                    for score in ("auroc", "average_precision")
                ),
                decimal(row.f1),
                _minutes(cost.seconds_a_run),
                "–"
                if cost.peak_memory_mb != cost.peak_memory_mb
                else f"{cost.peak_memory_mb:,.0f}",
            ]
        )
    console.table(
        f"Macro over {len(found.macro_labels)} labels of "
        f"{found.images:,} {found.part_name} images ({found.patients:,} patients)",
        ["variant", "seeds", "AUROC", "AUROC change", "AP change", "F1", "time", "MB"],
        cells,
        caption=f"Changes against {found.baseline} with their "
        f"{100 * found.level:g} % interval; F1 at cross-fitted thresholds; time a run, "
        "peak memory.",
        drop_first=["MB", "time", "F1", "AP change", "seeds"],
        all_in="ablation.csv",
    )


def _print_classes(found: Ablation, variants: Sequence[str]) -> None:
    rows = {(row.variant, row.label): row for row in found.rows if not row.is_macro}
    counted = "val +" if found.over_folds is None else "all +"
    cells = [
        [
            label + (" †" if row.few_positives else ""),
            f"{row.train_positives:,}",
            f"{row.val_positives:,}",
            decimal(row.auroc),
            *(_describe(rows[name, label].change("auroc"), found.level) for name in variants),
        ]
        for label in found.labels
        for row in [rows[found.baseline, label]]
    ]
    console.table(
        f"AUROC of {found.baseline} and its change by label, rarest first",
        ["label", "train +", counted, "AUROC", *variants],
        cells,
        caption="* Holm-corrected p below "
        f"{1 - found.level:.2g}. † fewer than 30 {found.part_name} positives. "
        "AP and F1: ablation.csv.",
        drop_first=["train +", counted, "AUROC"],
        all_in="ablation.csv",
    )


def _describe(found: Change, level: float | None = None) -> str:
    """A change with its interval, and a star where its corrected p is below 1 - `level`."""
    star = "*" if level is not None and 1 - found.p_holm > level else ""
    return bracket(found.change, found.low, found.high, sign=True) + star


def _minutes(seconds: float) -> str:
    if seconds != seconds:
        return "–"
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
