"""Differences over folds, with the corrected test and the naive one; and what was judged."""

from __future__ import annotations

from dataclasses import dataclass

from xlite.results import Number, Result

OUT_OF_FOLD = "out-of-fold"
"""What is judged over folds, where it is the name of a part without them."""


@dataclass(frozen=True, kw_only=True)
class FoldTest(Result):
    """How one method differs from the other over the folds, in one score of a label or the mean."""

    name: str
    """The variant, or the method."""
    label: str | None
    """None for the mean over the labels that are judged."""
    score: str
    """auroc, average_precision or f1."""
    folds: int
    """Those of all repeats in which the score is defined."""
    change: Number
    """The mean over those of the change in each, itself the mean over seeds."""
    change_low: Number
    """Of the corrected interval."""
    change_high: Number
    p: Number
    """Corrected: two-sided, for this one question."""
    p_naive: Number
    """Of folds taken to be independent: too small. It decides nothing."""


@dataclass(frozen=True, kw_only=True)
class FoldTests(Result):
    """The tests over folds of all methods against one of them."""

    folds: int
    """Of one repeat."""
    repeats: int
    test_per_train: Number
    """Patients of a test part for each one of a training part: the correction."""
    tests: tuple[FoldTest, ...]

    @property
    def title(self) -> str:
        """What was trained over, as in "5 folds, 2 times"."""
        return f"{self.folds} folds" + (f", {self.repeats} times" if self.repeats > 1 else "")

    def macro(self, score: str) -> tuple[FoldTest, ...]:
        """The tests of the mean over labels in one score."""
        return tuple(one for one in self.tests if one.label is None and one.score == score)


def describe_part(part: str) -> str:
    """The images of a part in one word, as in "1,200 validation images".

    >>> describe_part("val"), describe_part("out-of-fold")
    ('validation', 'out-of-fold')
    """
    return "validation" if part == "val" else part
