"""Decision rules: how probs become calls, fitted on one set of images and applied to another.

A rule scales each label's logit (or leaves it) and then calls what reaches the label's threshold.
It is never judged on the images it was fitted on: without images to spare it is cross-fitted
between two halves of the patients, and a rule in a file (`rule_file`) keeps what it has seen.
N images, C labels.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from xlite.errors import InputError, did_you_mean
from xlite.judging.labelled_predictions import LabelledPredictions
from xlite.labels import UNKNOWN
from xlite.scores.calibration import LogitScaling, apply_scaling, fit_platt, fit_temperature
from xlite.scores.operating_points import (
    fit_sensitivity_thresholds,
    fit_specificity_thresholds,
    fit_youden_thresholds,
)
from xlite.scores.ranking import PerClass, Probs, Targets
from xlite.scores.threshold_stability import judge_f1_thresholds
from xlite.scores.thresholded import assign_halves, fit_f1_thresholds

if TYPE_CHECKING:
    from numpy.typing import NDArray

METHODS = ("f1", "youden", "sensitivity:X", "specificity:X")
CALIBRATIONS = ("none", "platt", "temperature")

_FITS: dict[str, Callable[[Targets, Probs], PerClass]] = {
    "f1": fit_f1_thresholds,
    "youden": fit_youden_thresholds,
}


@dataclass(frozen=True, eq=False, kw_only=True)
class DecisionRule:
    """Scaling and threshold of each label, and what they were fitted on."""

    vocabulary: tuple[str, ...]
    method: str
    """What the thresholds do: one of METHODS, X a share."""
    calibration: str
    """One of CALIBRATIONS."""
    scaling: LogitScaling
    thresholds: PerClass
    """(C,) on the scaled probs; NaN for a label that lacked positives or negatives."""
    notes: dict[str, list[str]]
    """What is to be noted about a label's threshold or scaling."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Decisions:
    """What a rule makes of N images that it was not fitted on."""

    source: str
    """Where the thresholds come from, in words."""
    method: str
    calibration: str
    probs: NDArray[np.float64]
    """(N, C) scaled."""
    calls: NDArray[np.bool_]
    """(N, C)"""
    targets: NDArray[np.int8]
    """(N, C) as the cases have them, but unknown where there is no threshold to call by."""
    thresholds: PerClass
    """(C,) for use on other images."""
    notes: dict[str, list[str]]


def check_method(method: str) -> None:
    """Raise InputError unless `method` is one of METHODS, X a number in (0, 1]."""
    kind, _, share = method.partition(":")
    if method in _FITS:
        return
    if kind in ("sensitivity", "specificity") and re.fullmatch(r"[01]|[01]?\.\d+", share):
        if 0 < float(share) <= 1:
            return
        raise InputError(f"{method}: the share has to be in (0, 1], as in {kind}:0.9.")
    raise InputError(
        f"no thresholds are called {method!r}.{did_you_mean(method, METHODS)} Use one of: "
        f"{', '.join(METHODS)}."
    )


def check_calibration(calibration: str) -> None:
    """Raise InputError unless `calibration` is one of CALIBRATIONS."""
    if calibration not in CALIBRATIONS:
        raise InputError(
            f"no calibration is called {calibration!r}.{did_you_mean(calibration, CALIBRATIONS)} "
            f"Use one of: {', '.join(CALIBRATIONS)}."
        )


def fit_rule(cases: LabelledPredictions, *, method: str, calibration: str) -> DecisionRule:
    """The rule fitted on all of the cases, with notes on the labels that it can't be trusted for.

    A label whose probs rank the wrong way round, or that lacks positives or negatives, keeps its
    probs unscaled.
    """
    check_method(method)
    scaling, notes = _fit_scaling(cases, calibration)
    scaled = apply_scaling(scaling, cases.probs) if calibration != "none" else cases.probs
    thresholds = _fit_thresholds(cases.targets, scaled, method)
    for column, label in enumerate(cases.vocabulary):
        if np.isnan(thresholds[column]):
            notes.setdefault(label, []).append(
                "no threshold: it lacks positives or negatives to fit one on"
            )
    if method == "f1":
        _note_instability(cases, scaled, notes)
    return DecisionRule(
        vocabulary=cases.vocabulary,
        method=method,
        calibration=calibration,
        scaling=scaling,
        thresholds=thresholds,
        notes=notes,
    )


def crossfit_decisions(cases: LabelledPredictions, *, method: str, calibration: str) -> Decisions:
    """Decisions by rules that no patient helped to fit for itself, of halves of the patients.

    The thresholds that are reported for use elsewhere are fitted on all of the cases.
    """
    whole = fit_rule(cases, method=method, calibration=calibration)
    in_first = assign_halves(cases.targets, cases.patient_ids)
    probs = np.empty_like(cases.probs)
    limits = np.empty_like(cases.probs)
    for fitted in (in_first, ~in_first):
        half = cases.select(fitted)
        scaling, _ = _fit_scaling(half, calibration)
        scaled = apply_scaling(scaling, cases.probs) if calibration != "none" else cases.probs
        probs[~fitted] = scaled[~fitted]
        limits[~fitted] = _fit_thresholds(half.targets, scaled[fitted], method)
    return Decisions(
        source="cross-fitted between halves of the patients",
        method=method,
        calibration=calibration,
        probs=probs,
        calls=probs >= limits,
        targets=np.where(np.isnan(limits), np.int8(UNKNOWN), cases.targets),
        thresholds=whole.thresholds,
        notes=whole.notes,
    )


def apply_rule(rule: DecisionRule, cases: LabelledPredictions, *, source: str) -> Decisions:
    """The decisions of a rule that was fitted elsewhere; its labels are matched by name.

    Raises InputError when the rule lacks a label of the cases.
    """
    absent = [name for name in cases.vocabulary if name not in rule.vocabulary]
    if absent:
        raise InputError(
            f"the thresholds ({source}) lack {', '.join(absent)}. Fit them on the same labels."
        )
    columns = [rule.vocabulary.index(name) for name in cases.vocabulary]
    scaling = LogitScaling(
        slope=rule.scaling.slope[columns], intercept=rule.scaling.intercept[columns]
    )
    thresholds = rule.thresholds[columns]
    probs = apply_scaling(scaling, cases.probs) if rule.calibration != "none" else cases.probs
    return Decisions(
        source=source,
        method=rule.method,
        calibration=rule.calibration,
        probs=probs,
        calls=probs >= thresholds,
        targets=np.where(np.isnan(thresholds), np.int8(UNKNOWN), cases.targets),
        thresholds=thresholds,
        notes={name: notes for name, notes in rule.notes.items() if name in cases.vocabulary},
    )


def describe_thresholding(decisions: Decisions) -> dict[str, Any]:
    """How the calls were made, as plain values."""
    return {
        "method": decisions.method,
        "calibration": decisions.calibration,
        "source": decisions.source,
    }


def _fit_scaling(
    cases: LabelledPredictions, calibration: str
) -> tuple[LogitScaling, dict[str, list[str]]]:
    num_classes = len(cases.vocabulary)
    keep = LogitScaling(slope=np.ones(num_classes), intercept=np.zeros(num_classes))
    if calibration == "none":
        return keep, {}
    check_calibration(calibration)
    fit = fit_platt if calibration == "platt" else fit_temperature
    fitted = fit(cases.targets, cases.probs)
    # A slope of 0 or less would turn the ranking round: that is a fault to see, not to mend.
    is_sound = fitted.slope > 0
    notes = {
        label: [
            "not calibrated: it lacks positives or negatives, or its probs do not vary"
            if np.isnan(fitted.slope[column])
            else "not calibrated: its probs rank the wrong way round"
        ]
        for column, label in enumerate(cases.vocabulary)
        if not is_sound[column]
    }
    scaling = LogitScaling(
        slope=np.where(is_sound, fitted.slope, 1.0),
        intercept=np.where(is_sound, fitted.intercept, 0.0),
    )
    return scaling, notes


def _fit_thresholds(targets: Targets, probs: Probs, method: str) -> PerClass:
    kind, _, share = method.partition(":")
    if kind == "sensitivity":
        return fit_sensitivity_thresholds(targets, probs, sensitivity=float(share))
    if kind == "specificity":
        return fit_specificity_thresholds(targets, probs, specificity=float(share))
    return _FITS[kind](targets, probs)


def _note_instability(
    cases: LabelledPredictions, probs: Probs, notes: dict[str, list[str]]
) -> None:
    rng = np.random.default_rng(0)
    stability = judge_f1_thresholds(cases.targets, probs, cases.patient_ids, rng=rng)
    flags = (
        (stability.calls_all_positives, "at the lower edge (calls every positive)"),
        (stability.calls_top_score_only, "at the upper edge (calls the top positive only)"),
        (stability.is_unstable, "unstable"),
    )
    for column, label in enumerate(cases.vocabulary):
        faults = [text for is_set, text in flags if is_set[column]]
        if faults:
            low, high = stability.low[column], stability.high[column]
            notes.setdefault(label, []).append(
                f"threshold {', '.join(faults)}: refitted on other patients {low:.3f} to {high:.3f}"
            )
