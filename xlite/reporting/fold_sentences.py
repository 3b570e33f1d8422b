"""The tests over folds in words, for page and log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xlite.console import decimal

if TYPE_CHECKING:
    from xlite.results.fold_tests import FoldTests


def describe_fold_tests(tests: FoldTests | None, score: str) -> list[str]:
    """What the folds say of each method's macro mean, without a full stop; none without folds."""
    if tests is None:
        return []
    return [
        f"Over {one.folds} folds: {one.name} {decimal(one.change, sign=True)} "
        f"({decimal(one.change_low, sign=True)} to {decimal(one.change_high, sign=True)}), p "
        f"{decimal(one.p)} corrected for shared training images (naive {decimal(one.p_naive)})"
        for one in tests.macro(score)
    ]
