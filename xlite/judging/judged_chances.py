"""How probable it is that a method is worse than another, as good or better: in the macro mean, and
in each label.

C labels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from xlite.scores.chances import Chances, find_chances

if TYPE_CHECKING:
    from xlite.judging.paired_difference import PairedDifference
    from xlite.judging.paired_differences import JudgedMethods


@dataclass(frozen=True, eq=False, kw_only=True)
class JudgedChances:
    """Of the change of one score, over the sources of chance that its interval covers."""

    macro: Chances
    """Of the mean over the labels that are judged."""
    classes: Chances
    """(C,) NaN for a label that is not judged."""


def judge_chances(
    judged: JudgedMethods, baseline: str, method: str, found: PairedDifference, margin: float
) -> JudgedChances:
    """The chances of `found`, the difference of the two methods in one score.

    Over folds P(worse) and P(better) are the larger of two, that of patients and seeds on the
    pooled predictions and that of the corrected test over folds, as interval and p are.
    """
    is_judged = ~np.isnan(found.p)
    macro, classes = find_chances(found.macro, margin), find_chances(found.classes, margin)
    over_folds = judged.difference_over_folds(baseline, method, found.score)
    if over_folds is not None:
        macro = macro.join(find_chances(over_folds.macro, margin))
        classes = classes.join(find_chances(over_folds.classes, margin))
    return JudgedChances(macro=macro, classes=classes.where(is_judged))
