"""The table of tests over folds, which `xlite ablate` and `xlite compare` print."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xlite import console
from xlite.cli.intervals import bracket, p_value

if TYPE_CHECKING:
    from xlite.results.fold_tests import FoldTests


_TITLES = {"auroc": "AUROC", "average_precision": "AP", "f1": "F1"}


def print_fold_tests(
    found: FoldTests, against: str, *, level: float, score: str = "auroc", all_in: str = "ablation"
) -> None:
    """Print the corrected test of each method's macro mean, and the naive one beside it."""
    console.table(
        f"Macro {_TITLES[score]} over {found.title}, against {against}",
        ["method", "folds", "change", "p", "naive p"],
        [
            [
                one.name,
                str(one.folds),
                bracket(one.change, one.change_low, one.change_high, sign=True),
                p_value(one.p),
                p_value(one.p_naive),
            ]
            for one in found.macro(score)
        ],
        caption=f"{100 * level:g} % interval and p of the t-test that is corrected for training "
        "images that folds share (Nadeau and Bengio); naive p: without it, too small.",
        all_in=f"{all_in}.json",
    )
