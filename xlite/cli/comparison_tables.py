"""The tables that `xlite compare` prints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from xlite import console
from xlite.cli.fold_tables import print_fold_tests
from xlite.cli.verdict_tables import print_verdicts_on_methods
from xlite.console import decimal

if TYPE_CHECKING:
    from xlite.results.comparison import Comparison, LookAtTest, MethodRow


def print_comparison(found: Comparison) -> None:
    """Print the ranking, how the choice came about, and the test scores where they were asked."""
    score = found.ranking_score
    console.table(
        f"Macro over {len(found.macro_labels)} labels of {found.images:,} "
        f"{found.part_name} images ({found.patients:,} patients)",
        ["model", "rank", "seeds", "AUROC", "AP", "F1", "recall", f"{score} change", "p"],
        [_list_cells(row) for row in found.rows],
        caption=f"Change against {found.best}, {100 * found.level:g} % interval, p "
        "corrected for all pairs. Equal ranks: not told apart. ◀ chosen.",
        drop_first=["recall", "F1", "seeds", "AP"],
        all_in="comparison.csv",
    )
    if found.grown is not None:
        console.warn(found.grown.sentence)
    if found.winner is not None:
        console.say(
            f"The best of {len(found.rows)} is the best by chance, too. {found.winner.sentence} "
            f"(covers {found.winner.covers})."
        )
    if found.choices is not None:
        console.say(f"{found.choices.sentence}.")
    if found.over_folds is not None:
        score, level = found.ranking_score, found.level
        print_fold_tests(
            found.over_folds, found.best, level=level, score=score, all_in="comparison"
        )
    print_verdicts_on_methods(found)
    _say_what_is_compared(found)
    for step in found.steps:
        console.say(f"  {step}")
    console.say(f"chosen: {found.chosen}")
    if found.test is not None:
        _print_test(found.test)


def _list_cells(row: MethodRow) -> list[str]:
    change = "best"
    if row.change is not None:
        low, high = (decimal(limit, sign=True) for limit in (row.change_low, row.change_high))
        change = f"{decimal(row.change, sign=True)} [{low}, {high}]"
    return [
        row.name + (" ◀" if row.chosen else ""),
        str(row.rank),
        str(row.seeds),
        *map(decimal, (row.auroc, row.average_precision, row.f1, row.recall)),
        change,
        decimal(row.p_all_pairs),
    ]


def _say_what_is_compared(found: Comparison) -> None:
    """Say the labels, the runs and the seeds that a comparison had to leave out."""
    left = [label for label in found.labels if label not in found.macro_labels]
    if left:
        console.say(f"Not in the macro mean, for too few patients: {', '.join(left)}.")
    alone = [row.name for row in found.others if not row.seeds_compared]
    if alone:
        console.warn(
            f"{', '.join(alone)}: no seed in common with {found.best}, so there is no test."
        )
    only_images = [row.name for row in found.others if row.seeds_compared == 1]
    if only_images:
        console.say(
            f"{', '.join(only_images)}: fewer than two seeds in common with {found.best}, so "
            "the interval is about these trained models and not about how they were trained."
        )
    for row in found.others:
        for name, seeds in (row.seeds_left_out or {}).items():
            console.say(
                f"{row.name} against {found.best}: seeds {', '.join(map(str, seeds))} of "
                f"{name} are left out, since the other has none of them."
            )


def _print_test(looks: Sequence[LookAtTest]) -> None:
    console.table(
        "Test part, macro: for the record, not for the choice",
        ["model", "seed", "AUROC", "AP", "F1", "looks so far"],
        [
            [
                look.name,
                str(look.seed),
                *map(decimal, (look.auroc, look.average_precision, look.f1)),
                str(look.looks),
            ]
            for look in looks
        ],
        caption="F1 at thresholds fitted on the validation part.",
    )
