"""Contrasts: how far the scores of two methods differ on the same images, and how surely.

A method is a model, or a variant of one, trained with one seed or several.
N images, C labels, R resamples of the patients, M methods times seeds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from xlite.errors import InputError
from xlite.scores.bootstrap import (
    average_classes,
    bootstrap_p_value,
    percentile_interval,
    resample_scores,
)
from xlite.scores.class_scores import score_counts
from xlite.scores.delong import compare_aurocs
from xlite.scores.multiplicity import adjust_holm
from xlite.scores.ranking import PerClass, ranking_scores
from xlite.scores.reliability import brier_score
from xlite.scores.seed_variance import SeedVariance, combine_seeds
from xlite.scores.thresholded import confusion_counts
from xlite.studies.cases import Cases
from xlite.studies.decision_rule import Decisions, crossfit_decisions
from xlite.studies.evaluation import Resampling

if TYPE_CHECKING:
    from numpy.typing import NDArray

TESTED = ("auroc", "average_precision", "f1")
"""The scores whose differences have an interval."""
NUM_RESAMPLES = 2000
"""So that a p can be as small as 0.001 and still be seen after correction for 14 labels."""

LEAST_POSITIVES = 5
"""With fewer positives or negatives a class has no test: resampling hardly shows their spread."""

SEEDS_AND_IMAGES = "seeds and images"
IMAGES_ONLY = "images only"

Seed = int | None
"""None: predictions of which no seed is known."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Method:
    """What is compared: the predictions of a method by the seed of its training."""

    name: str
    cases: Mapping[Seed, Cases]


@dataclass(frozen=True, eq=False, kw_only=True)
class Contrast:
    """One score of a method minus that of another; arrays are (C,), NaN where undefined."""

    score: str
    covers: str
    """The sources of chance that intervals and p values cover."""
    num_seeds: int
    """Seeds that both were trained with, or 1."""
    change: PerClass
    low: PerClass
    high: PerClass
    p: PerClass
    """Two-sided, of each class alone; NaN for one with fewer than LEAST_POSITIVES."""
    p_holm: PerClass
    """The same, corrected for the number of classes."""
    macro_change: float
    macro_low: float
    macro_high: float
    macro_p: float
    macro_pilot: SeedVariance | None
    """The parts of the macro change's variance; None with one seed."""


@dataclass(frozen=True, eq=False, kw_only=True)
class JudgedMethods:
    """Scores of methods on the same images and on the same resamples of their patients."""

    methods: tuple[Method, ...]
    resampling: Resampling
    decisions: tuple[Decisions, ...]
    """Of each of M: calls at cross-fitted thresholds."""
    scores: dict[str, NDArray[np.float64]]
    """(M, C) each."""
    resampled: dict[str, NDArray[np.float64]]
    """(M, R, C) each, of the TESTED."""

    @property
    def reference(self) -> Cases:
        """Any of the cases: images, patients and targets are those of all."""
        return next(iter(self.methods[0].cases.values()))

    def rows(self, name: str) -> dict[Seed, int]:
        """The row of each of a method's seeds in the arrays."""
        start = 0
        for method in self.methods:
            if method.name == name:
                return {seed: start + place for place, seed in enumerate(method.cases)}
            start += len(method.cases)
        raise KeyError(name)

    def mean_scores(self, name: str) -> dict[str, PerClass]:
        """Each score of a method, (C,), as the mean over its seeds."""
        rows = list(self.rows(name).values())
        return {score: values[rows].mean(axis=0) for score, values in self.scores.items()}

    def is_identical(self, one: str, other: str) -> bool:
        """Whether two methods predict the very same under every seed that they share."""
        shared = _pair(self.rows(one), self.rows(other))
        probs = [case.probs for method in self.methods for case in method.cases.values()]
        return bool(shared) and all(np.array_equal(probs[a], probs[b]) for a, b in shared)

    def contrast(self, baseline: str, method: str, score: str) -> Contrast:
        """The difference `method` minus `baseline` in one of the TESTED scores.

        With two or more seeds in common, mean and interval are over these pairs of runs and cover
        seeds and images (`combine_seeds`). Else they cover the images alone: a class's AUROC by
        DeLong's test with patients as clusters, all else by the bootstrap of patients.
        """
        rows_a, rows_b = self.rows(baseline), self.rows(method)
        pairs = _pair(rows_a, rows_b)
        if len(pairs) > 1:
            return self._contrast_seeds(score, pairs)
        a, b = list(rows_a.values()), list(rows_b.values())
        values, drawn = self.scores[score], self.resampled[score]
        change = values[b].mean(axis=0) - values[a].mean(axis=0)
        difference = drawn[b].mean(axis=0) - drawn[a].mean(axis=0)
        level = self.resampling.level
        low, high = percentile_interval(difference, level=level)
        p = bootstrap_p_value(difference)
        if score == "auroc" and len(a) == len(b) == 1:
            probs = [case.probs for one in self.methods for case in one.cases.values()]
            cases = self.reference
            delong = compare_aurocs(
                cases.targets, probs[a[0]], probs[b[0]], groups=cases.patient_ids
            )
            (low, high), p = delong.limits(level), delong.p
        p = np.where(self._has_test(), p, np.nan)
        macro = average_classes(values[b]).mean() - average_classes(values[a]).mean()
        over_classes = average_classes(difference[np.newaxis])[0]
        macro_low, macro_high = percentile_interval(over_classes, level=level)
        return Contrast(
            score=score,
            covers=IMAGES_ONLY,
            num_seeds=1,
            change=change,
            low=_clip(low),
            high=_clip(high),
            p=p,
            p_holm=adjust_holm(p),
            macro_change=float(macro),
            macro_low=float(macro_low),
            macro_high=float(macro_high),
            macro_p=float(bootstrap_p_value(over_classes)),
            macro_pilot=None,
        )

    def _contrast_seeds(self, score: str, pairs: Sequence[tuple[int, int]]) -> Contrast:
        a, b = ([pair[side] for pair in pairs] for side in (0, 1))
        values = self.scores[score][b] - self.scores[score][a]
        drawn = self.resampled[score][b] - self.resampled[score][a]
        level = self.resampling.level
        classes = combine_seeds(values, drawn, level=level)
        macro = combine_seeds(average_classes(values), average_classes(drawn), level=level)
        p = np.where(self._has_test(), classes.p, np.nan)
        return Contrast(
            score=score,
            covers=SEEDS_AND_IMAGES,
            num_seeds=len(pairs),
            change=classes.difference,
            low=_clip(classes.low),
            high=_clip(classes.high),
            p=p,
            p_holm=adjust_holm(p),
            macro_change=float(macro.difference),
            macro_low=float(_clip(macro.low)),
            macro_high=float(_clip(macro.high)),
            macro_p=float(macro.p),
            macro_pilot=macro,
        )

    def _has_test(self) -> NDArray[np.bool_]:
        targets = self.reference.targets
        counts = np.minimum((targets == 1).sum(axis=0), (targets == 0).sum(axis=0))
        return np.asarray(counts >= LEAST_POSITIVES)


def judge_methods(
    methods: Sequence[Method], *, resampling: Resampling | None = None
) -> JudgedMethods:
    """The scores of methods whose cases are of the same images in the same order.

    Raises ValueError when they are not (see `align_cases`).
    """
    resampling = resampling or Resampling(num_resamples=NUM_RESAMPLES)
    every = [cases for method in methods for cases in method.cases.values()]
    first = every[0]
    for cases in every[1:]:
        if cases.vocabulary != first.vocabulary or not (
            np.array_equal(cases.image_ids, first.image_ids)
            and np.array_equal(cases.targets, first.targets)
        ):
            raise ValueError(f"{cases.name} and {first.name} are not of the same images")
    decisions = [crossfit_decisions(cases, method="f1", calibration="none") for cases in every]
    rankings = [ranking_scores(cases.targets, cases.probs) for cases in every]
    calls = [score_counts(confusion_counts(made.targets, made.calls)) for made in decisions]
    scores = {
        "auroc": np.array([ranking[0] for ranking in rankings]),
        "average_precision": np.array([ranking[1] for ranking in rankings]),
        **{name: np.array([made[name] for made in calls]) for name in calls[0]},
        "brier": np.array([brier_score(cases.targets, cases.probs) for cases in every]),
    }
    resampled = resample_scores(
        first.targets,
        [cases.probs for cases in every],
        first.patient_ids,
        rng=resampling.generator(),
        num_resamples=resampling.num_resamples,
        scores=("auroc", "average_precision"),
    )
    # The same generator again: the same resamples. Calls are made already, so they are the probs.
    resampled |= resample_scores(
        decisions[0].targets,
        [made.calls.astype(np.float64) for made in decisions],
        first.patient_ids,
        rng=resampling.generator(),
        num_resamples=resampling.num_resamples,
        scores=("f1",),
        thresholds=[np.full(len(first.vocabulary), 0.5)] * len(every),
    )
    return JudgedMethods(
        methods=tuple(methods),
        resampling=resampling,
        decisions=tuple(decisions),
        scores=scores,
        resampled={str(name): values for name, values in resampled.items()},
    )


def align_methods(methods: Sequence[Method]) -> tuple[list[Method], int]:
    """The methods on the images and labels that all of them have, and how many images leave.

    Images and labels are in the order of the first. Raises InputError when none is in all.
    """
    every = [cases for method in methods for cases in method.cases.values()]
    images = set(every[0].image_ids).intersection(*(cases.image_ids for cases in every[1:]))
    labels = tuple(
        name for name in every[0].vocabulary if all(name in cases.vocabulary for cases in every)
    )
    if not images or not labels:
        what = "image" if not images else "label"
        raise InputError(
            f"no {what} is in all of {', '.join(cases.name for cases in every)}. Compare "
            "predictions of the same images."
        )
    order = [image for image in every[0].image_ids if image in images]
    aligned = [
        Method(
            name=method.name,
            cases={seed: _take(cases, order, labels) for seed, cases in method.cases.items()},
        )
        for method in methods
    ]
    return aligned, len(set().union(*(cases.image_ids for cases in every))) - len(order)


def _take(cases: Cases, images: Sequence[str], labels: Sequence[str]) -> Cases:
    place = {image: row for row, image in enumerate(cases.image_ids)}
    taken = cases.select(np.array([place[image] for image in images]))
    columns = [cases.vocabulary.index(label) for label in labels]
    return replace(
        taken,
        targets=taken.targets[:, columns],
        probs=taken.probs[:, columns],
        vocabulary=tuple(labels),
    )


def _pair(a: Mapping[Seed, int], b: Mapping[Seed, int]) -> list[tuple[int, int]]:
    """The rows of equal seeds; those of one run each are a pair under whichever seeds."""
    pairs = [(a[seed], b[seed]) for seed in a if seed is not None and seed in b]
    if not pairs and len(a) == len(b) == 1:
        return [(next(iter(a.values())), next(iter(b.values())))]
    return pairs


def _clip(limits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Limits of a difference of two scores in [0, 1], which Student's t knows nothing of."""
    return np.clip(limits, -1.0, 1.0)
