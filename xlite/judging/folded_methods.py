"""Methods judged over folds: their pooled predictions, and each fold by itself.

N images, C labels, R repeats.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from xlite.errors import InputError
from xlite.judging.fold_runs import FoldRuns, read_out_of_fold, require_folds
from xlite.judging.fold_scores import FoldScores, score_folds
from xlite.judging.labelled_predictions import LabelledPredictions
from xlite.judging.methods import Method, Seed, align_methods
from xlite.judging.paired_differences import TESTED, JudgedMethods, judge_methods
from xlite.results.fold_tests import FoldTest, FoldTests

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xlite.judging.evaluation import Resampling
    from xlite.judging.fold_scores import FoldComparison
    from xlite.splitting.fold_splits import FoldSplits


@dataclass(frozen=True, eq=False, kw_only=True)
class FoldedMethod:
    """A method with its out-of-fold predictions of each repeat, by the seed of its training."""

    name: str
    predictions: Mapping[Seed, Sequence[LabelledPredictions]]


def read_folded_method(name: str, runs: Mapping[int, FoldRuns], folds: FoldSplits) -> FoldedMethod:
    """The predictions of runs by seed and fold; InputError where one of the folds is missing."""
    predictions: dict[Seed, Sequence[LabelledPredictions]] = {}
    for seed, by_fold in runs.items():
        require_folds(by_fold, range(len(folds.splits)), name=f"{name} of seed {seed}")
        predictions[seed] = [
            read_out_of_fold(by_fold, folds, repeat=repeat, name=name)
            for repeat in range(folds.repeats)
        ]
    return FoldedMethod(name=name, predictions=predictions)


def judge_folded_methods(
    methods: Sequence[FoldedMethod], folds: FoldSplits, *, resampling: Resampling | None = None
) -> tuple[JudgedMethods, int]:
    """The scores of methods over folds, and how many images are left out, not being in all.

    Scores and resamples are the means over repeats of those of the pooled predictions.
    """
    judged, left_out = [], 0
    for repeat in range(folds.repeats):
        aligned, left_out = align_methods(
            [
                Method(
                    name=one.name,
                    predictions={seed: each[repeat] for seed, each in one.predictions.items()},
                )
                for one in methods
            ]
        )
        judged.append(judge_methods(aligned, resampling=resampling))
    first = judged[0]
    images = first.reference.image_ids
    if any(not np.array_equal(images, other.reference.image_ids) for other in judged):
        raise InputError(
            "the runs of the repeats are not of the same images: some could not be read in one "
            "and could in another. Train them all with one cache."
        )
    of_folds = [_score_folds(one, folds, repeat) for repeat, one in enumerate(judged)]
    scores = FoldScores(
        num_folds=folds.num_folds,
        repeats=folds.repeats,
        test_per_train=folds.test_per_train,
        scores={
            score: np.concatenate([one[score] for one in of_folds], axis=1) for score in TESTED
        },
    )
    return (
        replace(
            first,
            scores=_average([one.scores for one in judged]),
            resampled=_average([one.resampled for one in judged]),
            folds=scores,
        ),
        left_out,
    )


def list_fold_tests(
    judged: JudgedMethods, baseline: str, others: Sequence[str], scores: Sequence[str] = TESTED
) -> FoldTests | None:
    """The tests over folds of methods against `baseline`; None where there are no folds."""
    if judged.folds is None:
        return None
    tests = []
    for name in others:
        for score in scores:
            found = judged.difference_over_folds(baseline, name, score)
            if found is not None:
                tests += _describe(found, name, score, judged.reference.vocabulary)
    return FoldTests(
        folds=judged.folds.num_folds,
        repeats=judged.folds.repeats,
        test_per_train=judged.folds.test_per_train,
        tests=tuple(tests),
    )


def _describe(
    found: FoldComparison, name: str, score: str, labels: Sequence[str]
) -> list[FoldTest]:
    columns: list[tuple[str | None, int | tuple[()]]] = [
        (None, ()),
        *((name, c) for c, name in enumerate(labels)),
    ]
    tests = []
    for label, place in columns:
        one = found.macro if label is None else found.classes
        tests.append(
            FoldTest(
                name=name,
                label=label,
                score=score,
                folds=int(one.num_folds[place]),
                change=float(one.difference[place]),
                change_low=float(one.low[place]),
                change_high=float(one.high[place]),
                p=float(one.p[place]),
                p_naive=float(one.p_naive[place]),
            )
        )
    return tests


def _score_folds(
    judged: JudgedMethods, folds: FoldSplits, repeat: int
) -> dict[str, NDArray[np.float64]]:
    labelled = [one for method in judged.methods for one in method.predictions.values()]
    assigned = folds.assign(judged.reference.image_ids, repeat)
    return score_folds(labelled, judged.calls, assigned)


def _average(repeats: Sequence[Mapping[str, np.ndarray]]) -> dict[str, NDArray[np.float64]]:
    return {name: np.mean([one[name] for one in repeats], axis=0) for name in repeats[0]}
