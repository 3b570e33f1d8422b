"""The evaluation of cases: every score with its interval, as plain values and as files.

N images, C labels. Scores of ranking (AUROC, average precision) are those of the probs as they are;
calibration and calls are judged at thresholds that have not seen what they are judged on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from xlite.files import atomic_path, write_json, write_table
from xlite.judging.evaluation_folder import EVALUATION_SCORES
from xlite.judging.labelled_predictions import LabelledPredictions
from xlite.judging.thresholding import ThresholdedCalls, describe_thresholding
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

FEW_NOTE = "too few to tell a good model from a fair one"
SCORES_TABLE = "scores.csv"
SUBGROUPS_TABLE = "subgroups.csv"

CALL_SCORES = ("f1", "precision", "recall", "specificity", "balanced_accuracy", "mcc")
SCORES = (
    *("auroc", "average_precision", *CALL_SCORES, "brier", "ece", "calibration_slope"),
    *(f"{name}_at_half" for name in CALL_SCORES),
)
"""The scores that have a macro and a weighted mean."""
RANDOM = "average_precision_random"
"""The average precision of random scores, which is the prevalence."""
_RESAMPLED = ("auroc", "average_precision", "f1", "brier")
_SUMMARIES = ("macro", "weighted", "micro")


@dataclass(frozen=True, kw_only=True)
class Resampling:
    """How intervals are made: patients drawn with replacement; all of the same seed."""

    num_resamples: int = 1000
    seed: int = 0
    level: float = 0.95

    def generator(self) -> np.random.Generator:
        """A new generator: two calls that use one each see the same resamples."""
        return np.random.default_rng(self.seed)


def evaluate_cases(
    cases: LabelledPredictions, calls: ThresholdedCalls, *, resampling: Resampling | None = None
) -> dict[str, Any]:
    """Per class, macro, micro and weighted scores with intervals, as plain values.

    The interval of a class's AUROC is Newcombe's with patients as clusters (`auroc_interval`); that
    of average precision leaves each patient's own images out (`precision_intervals`); those of F1,
    which takes the thresholds as given, and of the Brier score are percentiles over resampled
    patients. `average_precision_random` is what random scores have: the prevalence.
    """
    resampling = resampling or Resampling()
    scores = _score(cases, calls, resampling.level)
    limits = _resample(cases, calls, scores, resampling)
    for name in _RESAMPLED[1:]:
        scores[f"{name}_low"], scores[f"{name}_high"] = limits[name]
    is_ranked = ~np.isnan(scores["average_precision"])
    scores[RANDOM] = np.where(is_ranked, scores["prevalence"], np.nan)
    macro = {name: macro_mean(scores[name])[0] for name in (*SCORES, RANDOM)}
    for name in _RESAMPLED:
        macro[f"{name}_low"], macro[f"{name}_high"] = limits[f"macro_{name}"]
    unjudged = cases.positives - (calls.targets == 1).sum(axis=0)
    return {
        "name": cases.name,
        "images": len(cases),
        "patients": len(np.unique(cases.patient_ids)),
        "level": resampling.level,
        "resamples": resampling.num_resamples,
        "seed": resampling.seed,
        "thresholds": describe_thresholding(calls),
        "per_class": {
            label: {
                **{name: _plain(values[c]) for name, values in scores.items()},
                "notes": [
                    *_note(scores, c, num_unjudged=int(unjudged[c])),
                    *calls.notes.get(label, []),
                ],
            }
            for c, label in enumerate(cases.vocabulary)
        },
        "macro": macro,
        "weighted": {
            name: weighted_mean(scores[name], cases.positives) for name in (*SCORES, RANDOM)
        },
        "micro": _pool(cases, calls),
        "undefined": {
            name: [cases.vocabulary[c] for c in macro_mean(scores[name])[1]]
            for name in SCORES
            if macro_mean(scores[name])[1]
        },
    }


def measure_change(
    cases: LabelledPredictions, probs: NDArray[np.float64], *, resampling: Resampling | None = None
) -> dict[str, dict[str, float]]:
    """What other probs (N, C) for the same cases change in macro AUROC and average precision.

    For each score: before, after, change, and the interval of the change over resampled patients.
    """
    resampling = resampling or Resampling()
    drawn = resample_scores(
        cases.targets,
        [cases.probs, probs],
        cases.patient_ids,
        rng=resampling.generator(),
        num_resamples=resampling.num_resamples,
        scores=("auroc", "average_precision"),
    )
    pairs = zip(
        ("auroc", "average_precision"),
        ranking_scores(cases.targets, cases.probs),
        ranking_scores(cases.targets, probs),
        strict=True,
    )
    changes = {}
    for name, before, after in pairs:
        means = average_classes(drawn[name])
        low, high = percentile_interval(means[1] - means[0], level=resampling.level)
        first, second = macro_mean(before)[0], macro_mean(after)[0]
        changes[name] = {
            "before": first,
            "after": second,
            "change": second - first,
            "low": float(low),
            "high": float(high),
        }
    return changes


def write_evaluation(out: Path, result: Mapping[str, Any]) -> list[Path]:
    """The paths of scores.json and scores.csv, and subgroups.csv if any, once written."""
    import pandas as pd

    tables = {SCORES_TABLE: list_rows(result)}
    if result.get("subgroups"):
        tables[SUBGROUPS_TABLE] = [
            {"column": group["column"], "group": group["group"], "label": label, **row}
            for group in result["subgroups"]
            for label, row in {**group["per_class"], "macro": group["macro"]}.items()
        ]
    for name, rows in tables.items():
        with atomic_path(out / name) as temporary:
            write_table(temporary, pd.DataFrame(rows))
    if SUBGROUPS_TABLE not in tables:
        # Of the evaluation that this one replaces.
        (out / SUBGROUPS_TABLE).unlink(missing_ok=True)
    write_json(out / EVALUATION_SCORES, result)
    return [out / EVALUATION_SCORES, *(out / name for name in tables)]


def list_rows(result: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The scores as rows for a spreadsheet: one a label, then macro, weighted and micro."""
    rows = [
        {"label": label, **row, "notes": "; ".join(row["notes"])}
        for label, row in result["per_class"].items()
    ]
    return [*rows, *({"label": name, **result[name]} for name in _SUMMARIES)]


def _score(
    cases: LabelledPredictions, calls: ThresholdedCalls, level: float
) -> dict[str, NDArray[Any]]:
    """Every score of each label, (C,) each."""
    scores = score_classes(cases.targets, cases.probs, groups=cases.patient_ids, level=level)
    if calls.calibration != "none":
        # What ranks is judged as it came; what is said and called, after the scaling.
        scaled = score_classes(cases.targets, calls.probs, groups=cases.patient_ids)
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
    cases: LabelledPredictions,
    calls: ThresholdedCalls,
    scores: Mapping[str, NDArray[Any]],
    resampling: Resampling,
) -> dict[str, tuple[Any, Any]]:
    """Lower and upper limit of each resampled score, (C,) each, and of its macro mean."""
    groups, count = cases.patient_ids, resampling.num_resamples
    # Calls are already made, cross-fitted ones at two thresholds: as probs of 0 and 1.
    as_probs, halves = calls.is_called.astype(np.float64), np.full(len(cases.vocabulary), 0.5)
    parts: dict[ScoreName, tuple[NDArray[np.int8], NDArray[np.float64], NDArray[np.bool_]]] = {
        "auroc": (cases.targets, cases.probs, cases.targets == 1),
        "brier": (cases.targets, calls.probs, cases.targets >= 0),
        "f1": (calls.targets, as_probs, calls.targets == 1),
    }
    limits: dict[str, tuple[Any, Any]] = {}
    for name, (targets, probs, rests_on) in parts.items():
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
    found = precision_intervals(
        cases.targets,
        cases.probs,
        groups,
        rng=resampling.generator(),
        num_resamples=count,
        level=resampling.level,
    )
    limits["average_precision"] = found.low, found.high
    limits["macro_average_precision"] = found.macro_low, found.macro_high
    return limits


def _pool(cases: LabelledPredictions, calls: ThresholdedCalls) -> dict[str, float]:
    """The micro scores: all entries of all labels as if of one."""
    auroc, average_precision = micro_ranking_scores(cases.targets, cases.probs)
    counts = confusion_counts(calls.targets, calls.is_called)
    at_half = confusion_counts(cases.targets, calls.probs >= 0.5)
    brier = brier_score(cases.targets.reshape(-1, 1), calls.probs.reshape(-1, 1))
    called = {name: float(v[0]) for name, v in score_counts(pool_classes(counts)).items()}
    halves = {name: float(v[0]) for name, v in score_counts(pool_classes(at_half)).items()}
    return {
        "auroc": auroc,
        "average_precision": average_precision,
        **called,
        "brier": float(brier[0]),
        **{f"{name}_at_half": value for name, value in halves.items()},
    }


def _note(scores: Mapping[str, NDArray[Any]], column: int, *, num_unjudged: int) -> list[str]:
    found = []
    positives = int(scores["positives"][column])
    if positives == 0:
        found.append("no positives: nothing but its false alarms can be judged")
    elif positives < FEW_POSITIVES:
        found.append(f"{positives} positives: {FEW_NOTE}")
    auroc = float(scores["auroc"][column])
    if positives and np.isnan(auroc):
        found.append("no negatives: AUROC is undefined")
    elif auroc == auroc and np.isnan(scores["average_precision_low"][column]):
        found.append("one patient has it: no interval of average precision")
    if num_unjudged:
        found.append(f"{num_unjudged} positives unjudged by F1: no others to fit a threshold on")
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, np.bool_):
        return bool(value)
    return int(value) if isinstance(value, np.integer) else float(value)
