"""The verdicts that `xlite ablate` prints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from xlite import console
from xlite.cli.intervals import bracket

if TYPE_CHECKING:
    from xlite.results.ablation import Ablation, VariantRow


def print_verdicts(found: Ablation, macros: Mapping[str, VariantRow]) -> None:
    """Print each variant's verdict with its reasons, and the rule.

    macros: the macro row of each variant.
    """
    if not found.verdict:
        return
    console.table(
        f"Verdict against {found.baseline}",
        ["variant", "verdict", "macro AUROC change", "gained", "lost"],
        [
            [
                name,
                verdict.decision,
                bracket(change.change, change.low, change.high, sign=True),
                ", ".join(verdict.gains) or "–",
                ", ".join(verdict.losses) or "–",
            ]
            for name, verdict in found.verdict.items()
            for change in [macros[name].change("auroc")]
        ],
        wraps=["gained", "lost"],
        all_in="ablation.json",
    )
    for name, verdict in found.verdict.items():
        console.say(f"{name}: {verdict.decision}. {' '.join(verdict.reasons)}")
        for side, seeds in verdict.seeds_left_out.items():
            console.warn(
                f"{name}: seeds {', '.join(map(str, seeds))} of {side} are left out, since the "
                "other side has none of them."
            )
    console.say(f"Rule: {found.rule}")
