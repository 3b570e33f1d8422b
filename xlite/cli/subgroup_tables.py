"""The tables of subgroups that `xlite evaluate` prints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from xlite import console
from xlite.cli.intervals import interval, p_value

if TYPE_CHECKING:
    from xlite.results.subgroups import Subgroup


def print_subgroups(subgroups: Sequence[Subgroup]) -> None:
    """Print a table a column, and the labels that differ in a group."""
    for column in dict.fromkeys(group.column for group in subgroups):
        _print_groups(column, [group for group in subgroups if group.column == column])


def _print_groups(column: str, groups: Sequence[Subgroup]) -> None:
    rows = [
        [
            f"{group.group}*" if group.is_small else group.group,
            f"{group.images:,}",
            f"{group.patients:,}",
            f"{group.macro.positives:,}",
            interval(group.macro, "auroc"),
            interval(group.macro, "difference", sign=True),
            p_value(group.macro.p_holm),
            "yes" if group.macro.differs else "",
        ]
        for group in groups
    ]
    console.table(
        f"By {column}: macro AUROC",
        ["group", "images", "patients", "pos.", "AUROC", "minus the rest", "p", "differs"],
        rows,
        caption="Held against the rest over labels with 30 positives on both sides; p by Holm. "
        "* most labels have fewer.",
        drop_first=["patients", "images", "pos."],
    )
    for group in groups:
        for label, row in group.per_class.items():
            if row.differs:
                difference = interval(row, "difference", sign=True)
                console.say(
                    f"  {label} in {column} {group.group}: AUROC {interval(row, 'auroc')}, "
                    f"{difference} against the rest, p {p_value(row.p_holm)}."
                )
