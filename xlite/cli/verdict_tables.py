"""The verdicts that `xlite ablate` prints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from xlite import console
from xlite.cli.intervals import bracket
from xlite.console import decimal

if TYPE_CHECKING:
    from xlite.results.ablation import Ablation, VariantRow, VariantVerdict
    from xlite.results.comparison import Comparison

_CHANCES = ("P worse", "P equivalent", "P better")
"""The columns of `_list_chances`."""


def print_verdicts(found: Ablation, macros: Mapping[str, VariantRow]) -> None:
    """Print each variant's verdict with its reasons, and the rule.

    macros: the macro row of each variant.
    """
    if not found.verdict:
        return
    console.table(
        f"Verdict against {found.baseline}",
        ["variant", "verdict", "macro AUROC change", *_CHANCES, "gained", "lost"],
        [
            [
                name,
                verdict.decision,
                bracket(change.change, change.low, change.high, sign=True),
                *_list_chances(verdict),
                ", ".join(verdict.gains) or "–",
                ", ".join(verdict.losses) or "–",
            ]
            for name, verdict in found.verdict.items()
            for change in [macros[name].change("auroc")]
        ],
        caption=_describe_chances(found.margin),
        wraps=["gained", "lost"],
        all_in="ablation.json",
    )
    for name, verdict in found.verdict.items():
        console.say(f"{name}: {verdict.decision}. {' '.join(verdict.sentences)}")
        for side, seeds in verdict.seeds_left_out.items():
            console.warn(
                f"{name}: seeds {', '.join(map(str, seeds))} of {side} are left out, since the "
                "other side has none of them."
            )
    console.say(f"Rule: {found.rule}")


def print_verdicts_on_methods(found: Comparison) -> None:
    """Print the verdict on each method against the best, and the rule."""
    console.table(
        f"Verdict against {found.best}",
        ["model", "verdict", *_CHANCES, "gained", "lost"],
        [
            [
                name,
                verdict.decision,
                *_list_chances(verdict),
                ", ".join(verdict.gains) or "–",
                ", ".join(verdict.losses) or "–",
            ]
            for name, verdict in found.verdict.items()
        ],
        caption=_describe_chances(found.margins[found.ranking_score]),
        wraps=["gained", "lost"],
        all_in="comparison.json",
    )
    for name, verdict in found.verdict.items():
        if verdict.weighted is not None:
            console.say(f"{name}: {verdict.weighted.sentence}")
    console.say(f"Rule: {found.rule}")


def _list_chances(verdict: VariantVerdict) -> list[str]:
    """P(worse), P(equivalent) and P(better) as cells of a table."""
    return [decimal(p) for p in (verdict.p_worse, verdict.p_equivalent, verdict.p_better)]


def _describe_chances(margin: float) -> str:
    """What the columns of `_list_chances` are of."""
    return f"P: that the mean truly changes by less than -{margin:g}, within ±{margin:g}, by more."
