"""Paired differences: how far the scores of two methods differ on the same images, and how surely.

N images, C labels, R resamples of the patients, M methods times seeds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from xlite.judging.evaluation import Resampling
from xlite.judging.labelled_predictions import LabelledPredictions
from xlite.judging.methods import Method, Seed, share_seeds
from xlite.judging.paired_difference import (
    IMAGES_ONLY,
    SEEDS_AND_IMAGES,
    PairedDifference,
    clip_difference,
)
from xlite.judging.thresholding import ThresholdedCalls, crossfit_calls
from xlite.scores.anytime import Looks
from xlite.scores.bootstrap import average_classes, resample_scores
from xlite.scores.class_scores import score_counts
from xlite.scores.finding_patients import (
    FindingPatients,
    combine_freedoms,
    count_finding_patients,
)
from xlite.scores.multiplicity import adjust_holm
from xlite.scores.ranking import PerClass, macro_mean, ranking_scores
from xlite.scores.reliability import brier_score
from xlite.scores.seed_variance import SeedVariance, combine_seeds, estimate_seed_noise
from xlite.scores.thresholded import confusion_counts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xlite.judging.fold_scores import FoldComparison, FoldScores

TESTED = ("auroc", "average_precision", "f1")
"""The scores whose differences have an interval."""
NUM_RESAMPLES = 2000
"""So that a p can be as small as 0.001 and still be seen after correction for 14 labels."""


@dataclass(frozen=True, eq=False, kw_only=True)
class JudgedMethods:
    """Scores of methods on the same images and on the same resamples of their patients."""

    methods: tuple[Method, ...]
    resampling: Resampling
    calls: tuple[ThresholdedCalls, ...]
    """Of each of M: calls at cross-fitted thresholds."""
    scores: dict[str, NDArray[np.float64]]
    """(M, C) each."""
    resampled: dict[str, NDArray[np.float64]]
    """(M, R, C) each, of the TESTED."""
    patients: FindingPatients
    """Of each class, with and without it."""
    folds: FoldScores | None = None
    """The scores of each fold, where the predictions are out of fold."""

    @property
    def reference(self) -> LabelledPredictions:
        """Any of the predictions: images, patients and targets are those of all."""
        return next(iter(self.methods[0].predictions.values()))

    def rows(self, name: str) -> dict[Seed, int]:
        """The row of each of a method's seeds in the arrays."""
        before = self.methods[: self.methods.index(self._find(name))]
        start = sum(len(method.predictions) for method in before)
        return {seed: start + place for place, seed in enumerate(self._find(name).predictions)}

    def mean_scores(self, name: str) -> dict[str, PerClass]:
        """Each score of a method, (C,), as the mean over its seeds."""
        rows = list(self.rows(name).values())
        return {score: values[rows].mean(axis=0) for score, values in self.scores.items()}

    def is_identical(self, one: str, other: str) -> bool:
        """Whether two methods predict the very same under every seed that they share."""
        a, b = (self._find(name).predictions for name in (one, other))
        pairs = share_seeds(list(a), list(b))
        return bool(pairs) and all(
            np.array_equal(a[seed].probs, b[same].probs) for seed, same in pairs
        )

    @property
    def macro_columns(self) -> NDArray[np.intp]:
        """The classes of the macro mean: those that can be judged, or all where none can."""
        judged = np.flatnonzero(self.patients.is_judged)
        return judged if judged.size else np.arange(len(self.patients.is_judged))

    def macro(self, name: str, score: str) -> float:
        """The macro mean of a method's score, over its seeds and the classes judged."""
        return macro_mean(self.mean_scores(name)[score][self.macro_columns])[0]

    def take(self, seeds: Mapping[str, Sequence[Seed]]) -> JudgedMethods:
        """The same with these methods and seeds alone, as if there were no others."""
        rows = [self.rows(name)[seed] for name, chosen in seeds.items() for seed in chosen]
        methods = [
            Method(
                name=name, predictions={one: self._find(name).predictions[one] for one in chosen}
            )
            for name, chosen in seeds.items()
        ]
        return replace(
            self,
            methods=tuple(methods),
            calls=tuple(self.calls[row] for row in rows),
            scores={name: values[rows] for name, values in self.scores.items()},
            resampled={name: values[rows] for name, values in self.resampled.items()},
        )

    def difference(
        self, baseline: str, method: str, score: str, *, looks: Looks | None = None
    ) -> PairedDifference:
        """The difference `method` minus `baseline` in one of the TESTED scores.

        Over the runs of the seeds that both have, and never of others: the seed sets the order and
        the initialisation that the comparison holds equal. Intervals and p cover seeds and images,
        with one pair of runs the images alone (`combine_seeds`). Seeds are judged by all methods
        that have these (`estimate_seed_noise`), images by the patients with and without a class.
        All is NaN where two methods of several runs have no seed in common. looks: those that
        limits and p hold at together, where seeds are looked at one after the other.
        """
        rows_a, rows_b = self.rows(baseline), self.rows(method)
        seeds = share_seeds(list(rows_a), list(rows_b))
        arms = self._find_arms((baseline, method), seeds)
        scores, drawn = self._take_arms(score, arms)
        difference = drawn[1] - drawn[0]
        classes = combine_seeds(
            scores[1] - scores[0],
            difference,
            noise=estimate_seed_noise(scores),
            image_freedom=self.patients.freedom,
            level=self.resampling.level,
            looks=looks,
        )
        weighted = None
        if self.folds is None and self.patients.is_judged.sum() > 1:
            weights = np.sqrt(self.reference.positives)
            weighted = self._combine_mean(scores, difference, classes, weights)
        p = np.where(self.patients.is_judged, classes.p, np.nan)
        return PairedDifference(
            score=score,
            covers=SEEDS_AND_IMAGES if len(seeds) > 1 else IMAGES_ONLY,
            num_seeds=len(seeds),
            left_out={
                baseline: tuple(seed for seed in rows_a if seed not in {a for a, _ in seeds}),
                method: tuple(seed for seed in rows_b if seed not in {b for _, b in seeds}),
            },
            change=classes.difference,
            low=clip_difference(classes.low),
            high=clip_difference(classes.high),
            p=p,
            p_holm=adjust_holm(p),
            classes=classes,
            macro=self._combine_mean(scores, difference, classes),
            weighted=weighted,
        )

    def _combine_mean(
        self,
        scores: NDArray[np.float64],
        difference: NDArray[np.float64],
        classes: SeedVariance,
        weights: NDArray[np.float64] | None = None,
    ) -> SeedVariance:
        """The change of the mean over the classes that are judged; weights: (C,), else all alike.

        scores: (A, S, C), difference: (S, R, C) that of the first two, classes: each by itself.
        """
        columns = self.macro_columns
        share = np.ones(len(columns)) if weights is None else weights[columns]
        freedom = np.where(self.patients.is_judged, self.patients.freedom, 0.0)[columns]
        variances = (share * classes.between_image_sd[columns]) ** 2
        means = average_classes(scores[..., columns], share)
        return combine_seeds(
            means[1] - means[0],
            average_classes(difference[..., columns], share),
            noise=estimate_seed_noise(means),
            image_freedom=combine_freedoms(variances, freedom),
            level=self.resampling.level,
            looks=classes.looks,
        )

    def take_arms(
        self, baseline: str, method: str, score: str
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """A score of the runs under seeds that two methods share, and the same in each resample.

        (A, S, C) and (A, S, R, C): the two first, then all others that have their seeds.
        """
        seeds = share_seeds(list(self.rows(baseline)), list(self.rows(method)))
        arms = self._find_arms((baseline, method), seeds)
        return self.scores[score][arms], self.resampled[score][arms]

    def difference_over_folds(
        self, baseline: str, method: str, score: str
    ) -> FoldComparison | None:
        """The same difference over folds, seeds averaged; None without folds or common seeds."""
        rows_a, rows_b = self.rows(baseline), self.rows(method)
        seeds = share_seeds(list(rows_a), list(rows_b))
        if self.folds is None or not seeds:
            return None
        rows = [[rows_a[a] for a, _ in seeds], [rows_b[b] for _, b in seeds]]
        columns, level = self.macro_columns, self.resampling.level
        return self.folds.compare(np.array(rows, dtype=np.intp), columns, score, level=level)

    def _find(self, name: str) -> Method:
        return next(method for method in self.methods if method.name == name)

    def _find_arms(
        self, pair: tuple[str, str], seeds: Sequence[tuple[Seed, Seed]]
    ) -> NDArray[np.intp]:
        """The rows (A, S) of the pair's runs, and then of all others that have their seeds.

        One whose scores are those of another is left out: it tells of no chance of its own.
        """
        arms = [[self.rows(pair[side])[both[side]] for both in seeds] for side in (0, 1)]
        for rows in (self.rows(method.name) for method in self.methods if len(seeds) > 1):
            if not all(seed in rows for seed, _ in seeds):
                continue
            arm = [rows[seed] for seed, _ in seeds]
            brier = self.scores["brier"]
            if not any(np.array_equal(brier[arm], brier[other]) for other in arms):
                arms.append(arm)
        return np.array(arms, dtype=np.intp)

    def _take_arms(
        self, score: str, arms: NDArray[np.intp]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """A score of arms, (A, S, C), and the pair's resampled, (2, S, R, C); NaN without runs."""
        values, drawn = self.scores[score], self.resampled[score]
        if arms.size:
            return values[arms], drawn[arms[:2]]
        nothing = np.full((2, 1, *drawn.shape[1:]), np.nan)
        return nothing[:, :, 0], nothing


def judge_methods(
    methods: Sequence[Method], *, resampling: Resampling | None = None
) -> JudgedMethods:
    """The scores of methods whose predictions are of the same images in the same order.

    Raises ValueError when they are not (see `align_methods`).
    """
    resampling = resampling or Resampling(num_resamples=NUM_RESAMPLES)
    every = [labelled for method in methods for labelled in method.predictions.values()]
    first = every[0]
    for labelled in every[1:]:
        if labelled.vocabulary != first.vocabulary or not (
            np.array_equal(labelled.image_ids, first.image_ids)
            and np.array_equal(labelled.targets, first.targets)
        ):
            raise ValueError(f"{labelled.name} and {first.name} are not of the same images")
    calls = [crossfit_calls(labelled, method="f1", calibration="none") for labelled in every]
    rankings = [ranking_scores(labelled.targets, labelled.probs) for labelled in every]
    called = [score_counts(confusion_counts(made.targets, made.is_called)) for made in calls]
    scores = {
        "auroc": np.array([ranking[0] for ranking in rankings]),
        "average_precision": np.array([ranking[1] for ranking in rankings]),
        **{name: np.array([scores[name] for scores in called]) for name in called[0]},
        "brier": np.array([brier_score(labelled.targets, labelled.probs) for labelled in every]),
    }
    resampled = resample_scores(
        first.targets,
        [labelled.probs for labelled in every],
        first.patient_ids,
        rng=resampling.generator(),
        num_resamples=resampling.num_resamples,
        scores=("auroc", "average_precision"),
    )
    # The same generator again: the same resamples. Calls are made already, so they are the probs.
    resampled |= resample_scores(
        calls[0].targets,
        [made.is_called.astype(np.float64) for made in calls],
        first.patient_ids,
        rng=resampling.generator(),
        num_resamples=resampling.num_resamples,
        scores=("f1",),
        thresholds=[np.full(len(first.vocabulary), 0.5)] * len(every),
    )
    return JudgedMethods(
        methods=tuple(methods),
        resampling=resampling,
        calls=tuple(calls),
        scores=scores,
        resampled={str(name): values for name, values in resampled.items()},
        patients=count_finding_patients(first.targets, first.patient_ids),
    )
