"""The heads of all candidates on the same films, side by side. M candidates, C labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from xlite import console
from xlite.judging.folded_methods import FoldedMethod, judge_folded_methods
from xlite.judging.methods import Method, align_methods
from xlite.judging.paired_differences import judge_methods
from xlite.scores.bootstrap import macro_interval

if TYPE_CHECKING:
    from xlite.judging.paired_differences import JudgedMethods
    from xlite.probing.out_of_fold import Heads
    from xlite.splitting.fold_splits import FoldSplits

_SEED = 0
"""Heads draw no numbers: all have the one seed, so that they are paired."""


def judge_heads(heads: Sequence[Heads], folds: FoldSplits | None) -> JudgedMethods:
    """Scores and resamples of every candidate, over folds where there are any.

    Films that are not in all caches are left out, and a warning says how many.
    """
    if folds is None:
        methods, left_out = align_methods(
            [Method(name=one.name, predictions={_SEED: one.predictions[0]}) for one in heads]
        )
        judged = judge_methods(methods)
    else:
        folded = [
            FoldedMethod(name=one.name, predictions={_SEED: one.predictions}) for one in heads
        ]
        judged, left_out = judge_folded_methods(folded, folds)
    if left_out:
        console.warn(f"{left_out} films are not in all of the caches and are left out.")
    return judged


def measure_interval(judged: JudgedMethods, name: str) -> tuple[float, float, float]:
    """A candidate's macro AUROC, and its limits over patients."""
    columns = judged.macro_columns
    (row,) = judged.rows(name).values()
    low, high = macro_interval(
        judged.scores["auroc"][row, columns],
        judged.resampled["auroc"][row][:, columns],
        np.asarray(judged.patients.freedom, dtype=np.float64)[columns],
        level=judged.resampling.level,
    )
    return judged.macro(name, "auroc"), low, high
