"""The scores of predictions beside their labels, each with its interval.

N images, C labels. Scores of ranking (AUROC, average precision) are those of the probs as they are;
calibration and calls are judged at thresholds that have not seen what they are judged on.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from xlite.judging.labelled_predictions import LabelledPredictions
from xlite.judging.thresholding import ThresholdedCalls
from xlite.results.evaluation import Change, Scores, Thresholding
from xlite.results.label_scores import FEW_NOTE, LabelScores, MacroScores, MeanScores, MicroScores
from xlite.scores.auroc_interval import AurocInterval, macro_auroc_interval
from xlite.scores.averages import micro_ranking_scores, pool_classes, weighted_mean
from xlite.scores.bootstrap import (
    ScoreName,
    average_classes,
    macro_interval,
    percentile_interval,
    resample_scores,
)
from xlite.scores.class_scores import FEW_POSITIVES, score_classes, score_counts
from xlite.scores.precision_interval import precision_intervals
from xlite.scores.ranking import macro_mean, ranking_scores
from xlite.scores.reliability import brier_score
from xlite.scores.resampling import count_freedom
from xlite.scores.thresholded import confusion_counts

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MEANS = tuple(field.name for field in dataclasses.fields(MeanScores))
"""The scores that have a macro and a weighted mean."""
_RANDOM = "average_precision_random"
RESAMPLED = ("auroc", "average_precision", "f1", "brier")
"""The scores that have an interval."""


@dataclass(frozen=True, kw_only=True)
class Resampling:
    """How intervals are made: patients drawn with replacement; all of the same seed."""

    num_resamples: int = 1000
    seed: int = 0
    level: float = 0.95

    def generator(self) -> np.random.Generator:
        """A new generator: two calls that use one each see the same resamples."""
        return np.random.default_rng(self.seed)


def score_predictions(
    labelled: LabelledPredictions,
    calls: ThresholdedCalls,
    *,
    resampling: Resampling | None = None,
    intervals: Collection[str] = RESAMPLED,
) -> Scores:
    """Per class, macro, micro and weighted scores with intervals.

    The interval of a class's AUROC is Newcombe's with patients as clusters (`auroc_interval`); that
    of average precision leaves each patient's own images out (`precision_intervals`); those of F1,
    which takes the thresholds as given, and of the Brier score are percentiles over resampled
    patients. `average_precision_random` is what random scores have: the prevalence. intervals: the
    scores that are resampled, which takes most of the time; limits of others are NaN.
    """
    resampling = resampling or Resampling()
    scores = _score(labelled, calls, resampling.level)
    limits = _resample(labelled, calls, scores, resampling, intervals)
    for name in RESAMPLED[1:]:
        scores[f"{name}_low"], scores[f"{name}_high"] = limits[name]
    is_ranked = ~np.isnan(scores["average_precision"])
    scores[_RANDOM] = np.where(is_ranked, scores["prevalence"], np.nan)
    macro = {name: macro_mean(scores[name]) for name in _MEANS}
    weights = labelled.positives
    return Scores(
        name=labelled.name,
        images=len(labelled),
        patients=len(np.unique(labelled.patient_ids)),
        level=resampling.level,
        resamples=resampling.num_resamples,
        seed=resampling.seed,
        thresholds=Thresholding(
            method=calls.method, calibration=calls.calibration, source=calls.source
        ),
        per_class=_score_labels(
            labelled, calls, scores, is_ranged="average_precision" in intervals
        ),
        macro=MacroScores(
            **{name: mean for name, (mean, _) in macro.items()},
            **{
                f"{name}_{side}": float(limit)
                for name in RESAMPLED
                for side, limit in zip(("low", "high"), limits[f"macro_{name}"], strict=True)
            },
        ),
        weighted=MeanScores(**{name: weighted_mean(scores[name], weights) for name in macro}),
        micro=_pool(labelled, calls),
        undefined={
            name: tuple(labelled.vocabulary[c] for c in absent)
            for name, (_, absent) in macro.items()
            if absent and name != _RANDOM
        },
    )


def measure_change(
    labelled: LabelledPredictions,
    probs: NDArray[np.float64],
    *,
    resampling: Resampling | None = None,
) -> dict[str, Change]:
    """What other probs (N, C) for the same images change in macro AUROC and average precision.

    By score; the interval of the change is over resampled patients.
    """
    resampling = resampling or Resampling()
    drawn = resample_scores(
        labelled.targets,
        [labelled.probs, probs],
        labelled.patient_ids,
        rng=resampling.generator(),
        num_resamples=resampling.num_resamples,
        scores=("auroc", "average_precision"),
    )
    pairs = zip(
        ("auroc", "average_precision"),
        ranking_scores(labelled.targets, labelled.probs),
        ranking_scores(labelled.targets, probs),
        strict=True,
    )
    changes = {}
    for name, before, after in pairs:
        means = average_classes(drawn[name])
        low, high = percentile_interval(means[1] - means[0], level=resampling.level)
        first, second = macro_mean(before)[0], macro_mean(after)[0]
        changes[name] = Change(
            before=first, after=second, change=second - first, low=float(low), high=float(high)
        )
    return changes


def _score_labels(
    labelled: LabelledPredictions,
    calls: ThresholdedCalls,
    scores: Mapping[str, NDArray[Any]],
    *,
    is_ranged: bool,
) -> dict[str, LabelScores]:
    unjudged = labelled.positives - (calls.targets == 1).sum(axis=0)
    return {
        label: LabelScores(
            **{name: values[c].item() for name, values in scores.items()},
            notes=(
                *_note(scores, c, num_unjudged=int(unjudged[c]), is_ranged=is_ranged),
                *calls.notes.get(label, []),
            ),
        )
        for c, label in enumerate(labelled.vocabulary)
    }


def _score(
    labelled: LabelledPredictions, calls: ThresholdedCalls, level: float
) -> dict[str, NDArray[Any]]:
    """Every score of each label, (C,) each."""
    scores = score_classes(
        labelled.targets, labelled.probs, groups=labelled.patient_ids, level=level
    )
    if calls.calibration != "none":
        # What ranks is judged as it came; what is said and called, after the scaling.
        scaled = score_classes(labelled.targets, calls.probs, groups=labelled.patient_ids)
        for name in ("brier", "ece", "calibration_slope"):
            scores[f"{name}_uncalibrated"] = scores[name]
        kept = {"auroc", "auroc_low", "auroc_high", "average_precision"}
        scores |= {name: values for name, values in scaled.items() if name not in kept}
    counts = confusion_counts(calls.targets, calls.is_called)
    return {
        **scores,
        **score_counts(counts),
        "threshold": calls.thresholds,
        "true_positives": counts.true_positives,
        "false_positives": counts.false_positives,
        "false_negatives": counts.false_negatives,
        "true_negatives": counts.true_negatives,
    }


def _resample(
    labelled: LabelledPredictions,
    calls: ThresholdedCalls,
    scores: Mapping[str, NDArray[Any]],
    resampling: Resampling,
    wanted: Collection[str],
) -> dict[str, tuple[Any, Any]]:
    """Lower and upper limit of each resampled score, (C,) each, and of its macro mean."""
    groups, count = labelled.patient_ids, resampling.num_resamples
    # Calls are already made, cross-fitted ones at two thresholds: as probs of 0 and 1.
    as_probs, halves = calls.is_called.astype(np.float64), np.full(len(labelled.vocabulary), 0.5)
    parts: dict[ScoreName, tuple[NDArray[np.int8], NDArray[np.float64], NDArray[np.bool_]]] = {
        "auroc": (labelled.targets, labelled.probs, labelled.targets == 1),
        "brier": (labelled.targets, calls.probs, labelled.targets >= 0),
        "f1": (calls.targets, as_probs, calls.targets == 1),
    }
    nothing = np.full(len(labelled.vocabulary), np.nan)
    limits: dict[str, tuple[Any, Any]] = {}
    for name in RESAMPLED:
        limits |= {name: (nothing, nothing), f"macro_{name}": (np.nan, np.nan)}
    for name, (targets, probs, rests_on) in parts.items():
        if name not in wanted:
            continue
        drawn = resample_scores(
            targets,
            [probs],
            groups,
            rng=resampling.generator(),
            num_resamples=count,
            scores=(name,),
            thresholds=[halves],
        )[name][0]
        limits[name] = percentile_interval(drawn, level=resampling.level)
        if name == "auroc":
            of_labels = AurocInterval(
                auroc=scores["auroc"], low=scores["auroc_low"], high=scores["auroc_high"]
            )
            macro = macro_auroc_interval(of_labels, drawn, level=resampling.level)
        else:
            freedom = count_freedom(rests_on, groups)
            macro = macro_interval(scores[name], drawn, freedom, level=resampling.level)
        limits[f"macro_{name}"] = macro
    if "average_precision" not in wanted:
        return limits
    found = precision_intervals(
        labelled.targets,
        labelled.probs,
        groups,
        rng=resampling.generator(),
        num_resamples=count,
        level=resampling.level,
    )
    limits["average_precision"] = found.low, found.high
    limits["macro_average_precision"] = found.macro_low, found.macro_high
    return limits


def _pool(labelled: LabelledPredictions, calls: ThresholdedCalls) -> MicroScores:
    """The micro scores: all entries of all labels as if of one."""
    auroc, average_precision = micro_ranking_scores(labelled.targets, labelled.probs)
    counts = confusion_counts(calls.targets, calls.is_called)
    at_half = confusion_counts(labelled.targets, calls.probs >= 0.5)
    brier = brier_score(labelled.targets.reshape(-1, 1), calls.probs.reshape(-1, 1))
    called = score_counts(pool_classes(counts))
    halves = score_counts(pool_classes(at_half))
    return MicroScores(
        auroc=auroc,
        average_precision=average_precision,
        brier=float(brier[0]),
        **{name: float(value[0]) for name, value in called.items()},
        **{f"{name}_at_half": float(value[0]) for name, value in halves.items()},
    )


def _note(
    scores: Mapping[str, NDArray[Any]], column: int, *, num_unjudged: int, is_ranged: bool
) -> list[str]:
    """What is to be known of a class. is_ranged: whether average precision has intervals at all."""
    found = []
    positives = int(scores["positives"][column])
    if positives == 0:
        found.append("no positives: nothing but its false alarms can be judged")
    elif positives < FEW_POSITIVES:
        found.append(f"{positives} positives: {FEW_NOTE}")
    auroc = float(scores["auroc"][column])
    if positives and np.isnan(auroc):
        found.append("no negatives: AUROC is undefined")
    elif is_ranged and auroc == auroc and np.isnan(scores["average_precision_low"][column]):
        found.append("one patient has it: no interval of average precision")
    if num_unjudged:
        found.append(f"{num_unjudged} positives unjudged by F1: no others to fit a threshold on")
    return found
