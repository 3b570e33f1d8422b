"""What `xlite evaluate` prints of the floor under the scores."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xlite import console
from xlite.cli.intervals import interval, p_value
from xlite.cli.seen_tables import print_seen_patients

if TYPE_CHECKING:
    from xlite.results.border_probe import BorderProbe
    from xlite.results.evaluation import Evaluation
    from xlite.results.shortcut_floor import ShortcutFloor


def print_worth(evaluation: Evaluation) -> None:
    """Print what scores are worth: without the image, by marks, and on patients never seen."""
    print_floor(evaluation)
    if evaluation.border_probe is not None:
        print_probe(evaluation.border_probe)
    if evaluation.seen_patients is not None:
        print_seen_patients(evaluation.seen_patients)


def print_floor(evaluation: Evaluation) -> None:
    """Print what the table reaches without the image, by label, and what of the model is left."""
    floor, within = evaluation.shortcut_floor, evaluation.within_view
    if floor is None and within is None:
        return
    columns = ["AUROC"]
    columns += [] if floor is None else ["table alone", "the image adds"]
    columns += [] if within is None else ["views"]
    rows = []
    for label in (*evaluation.per_class, "macro"):
        is_macro = label == "macro"
        own = evaluation.macro if is_macro else evaluation.per_class[label]
        row = [label, interval(own, "auroc") if is_macro else console.decimal(own.auroc)]
        if floor is not None:
            under = floor.macro if is_macro else floor.per_class[label]
            row += [interval(under, "auroc"), interval(under, "adds", sign=True)]
        if within is not None:
            row.append(
                console.decimal((within.macro if is_macro else within.per_class[label]).auroc)
            )
        rows.append(row)
    console.table(
        "What scores are worth: AUROC without the image, and what it adds",
        ["label", *columns],
        rows,
        caption=_explain(floor, has_views=within is not None),
        drop_first=["AUROC"],
    )
    if within is not None:
        console.say(f"  within views, macro: {interval(within.macro, 'auroc')}.")
    if floor is not None:
        _print_columns(floor)


def print_probe(probe: BorderProbe) -> None:
    """Print which labels go with marks on the border, or that none does."""
    if not probe.flagged:
        console.say(f"  borders: no mark goes with a label ({probe.films:,} films, one a patient).")
    for one in probe.flagged:
        console.warn(
            f"a mark in {one.place} goes with {one.label}: {one.marked_positives:,} of "
            f"{one.positives:,} films with it have one, {one.marked_negatives:,} of "
            f"{one.negatives:,} without, more than the table explains (p {p_value(one.p)})."
        )


def _explain(floor: ShortcutFloor | None, *, has_views: bool) -> str:
    parts = []
    if floor is not None:
        parts.append(
            f"table alone: {', '.join(floor.columns)}; a model of other patients "
            f"({floor.fitted_on}), as is that of table and image together."
        )
    if has_views:
        parts.append("views: the model's AUROC over pairs of films of one view.")
    return " ".join(parts)


def _print_columns(floor: ShortcutFloor) -> None:
    alone = [f"{name} {interval(one, 'auroc')}" for name, one in floor.by_column.items()]
    console.say(f"  each column alone, macro: {'; '.join(alone)}.")
    if not floor.macro.is_shown:
        console.say("  That the image adds anything to the table is not shown by the macro mean.")
    for name, why in floor.columns_left_out.items():
        console.say(f"  {name} takes no part: {why}.")
    for name, label in floor.equals.items():
        console.warn(f"column {name} tells {label} without error: it is the label.")
