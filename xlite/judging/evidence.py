"""What is known of a variant against its baseline, from which a verdict follows by rule.

C labels; changes are of validation AUROC, or of the score that decides, variant minus baseline.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from xlite.scores.chances import UNKNOWN, Chances
from xlite.scores.multiplicity import adjust_holm

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xlite.judging.fold_scores import FoldComparison
    from xlite.scores.power import DecisionNeed


@dataclass(frozen=True, eq=False, kw_only=True)
class Evidence:
    """What is known of a variant against its baseline."""

    num_seeds: int
    """Seeds that both were trained with."""
    macro_change: float
    macro_low: float
    """Lower limit of the macro change at the rule's level; with one seed, of images only."""
    macro_high: float
    labels: tuple[str, ...]
    patients: NDArray[np.int64]
    """(C,) patients with the label."""
    change: NDArray[np.float64]
    """(C,) NaN where undefined."""
    low: NDArray[np.float64]
    """(C,) lower limit of the change at the rule's level, of each label alone."""
    p: NDArray[np.float64]
    """(C,) corrected for the number of labels; NaN where the label can't be judged."""
    chances: Chances = UNKNOWN
    """P(worse), P(equivalent) and P(better) of the macro change, beyond the rule's margin."""
    score: str = "AUROC"
    """What the score that decides is called."""
    is_told_apart: bool = True
    """Whether the two differ by a p that is corrected for more than this pair, where it has to."""
    is_identical: bool = False
    """Whether the predictions are the very same."""
    need: DecisionNeed | None = None
    """What it would take to tell a macro change as large as the margin from none."""
    num_folds: int = 0
    """The folds that were trained over, with which limits and p are those of both tests."""

    def is_not_worse(self, level: float) -> bool:
        """Whether P(worse) is below 1 - level: the lower of two one-sided tests."""
        # NaN compares as false. Written so because in floats 1 - 0.95 is a little more than 0.05.
        return bool(1 - self.chances.worse > level)

    def is_not_better(self, level: float) -> bool:
        """Whether P(better) is below 1 - level: the upper of two one-sided tests."""
        return bool(1 - self.chances.better > level)

    def widen(self, over_folds: FoldComparison) -> Evidence:
        """The evidence that passes the corrected test over folds as well: wider, and larger p.

        Patients and seeds know nothing of other training images, and folds of one seed begin alike:
        neither test stands for the other.
        """
        macro, classes = over_folds.macro, over_folds.classes
        judged = np.where(np.isnan(self.p), np.nan, classes.p)
        return replace(
            self,
            macro_low=float(np.minimum(self.macro_low, macro.low)),
            macro_high=float(np.maximum(self.macro_high, macro.high)),
            low=np.minimum(self.low, classes.low),
            p=np.maximum(self.p, adjust_holm(judged)),
            need=None,
            num_folds=int(macro.num_folds),
        )
