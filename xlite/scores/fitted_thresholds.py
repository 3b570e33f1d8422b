"""Thresholds fitted to scaled probs, label by label, and what they call.

Each label's logit is scaled (or left as it is), and what reaches the label's threshold is called.
N images, C labels. Targets are (N, C) int8: 1 present, 0 absent, -1 unknown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from xlite.errors import InputError, did_you_mean
from xlite.scores.calibration import LogitScaling, apply_scaling, fit_platt, fit_temperature
from xlite.scores.ranking import PerClass, Probs, Targets
from xlite.scores.threshold_methods import check_method, fit_by_method
from xlite.scores.threshold_stability import judge_f1_thresholds

if TYPE_CHECKING:
    from numpy.typing import NDArray

CALIBRATIONS = ("none", "platt", "temperature")


@dataclass(frozen=True, eq=False, kw_only=True)
class FittedThresholds:
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

    def select(self, vocabulary: Sequence[str]) -> FittedThresholds:
        """The same of these labels, in their order; each has to be one of its own."""
        columns = [self.vocabulary.index(name) for name in vocabulary]
        return FittedThresholds(
            vocabulary=tuple(vocabulary),
            method=self.method,
            calibration=self.calibration,
            scaling=LogitScaling(
                slope=self.scaling.slope[columns], intercept=self.scaling.intercept[columns]
            ),
            thresholds=self.thresholds[columns],
            notes={name: notes for name, notes in self.notes.items() if name in vocabulary},
        )

    def scale(self, probs: Probs) -> NDArray[np.float64]:
        """The calibrated probs (N, C); the probs themselves where nothing was fitted."""
        if self.calibration == "none":
            return probs.astype(np.float64)
        return apply_scaling(self.scaling, probs)

    def call(self, scaled: Probs) -> NDArray[np.bool_]:
        """(N, C) which calibrated probs reach their threshold; none of a label without one."""
        result: NDArray[np.bool_] = scaled >= self.thresholds
        return result


def check_calibration(calibration: str) -> None:
    """Raise InputError unless `calibration` is one of CALIBRATIONS."""
    if calibration not in CALIBRATIONS:
        raise InputError(
            f"no calibration is called {calibration!r}.{did_you_mean(calibration, CALIBRATIONS)} "
            f"Use one of: {', '.join(CALIBRATIONS)}."
        )


def fit_scaled_thresholds(
    targets: Targets,
    probs: Probs,
    patient_ids: NDArray[Any],
    vocabulary: tuple[str, ...],
    *,
    method: str,
    calibration: str,
) -> FittedThresholds:
    """Thresholds fitted on N images, with notes on labels they can't be trusted for.

    patient_ids: (N,), resampled together to see how stable thresholds for F1 are.
    A label whose probs rank the wrong way round, or that lacks positives or negatives, keeps its
    probs unscaled.
    """
    check_method(method)
    scaling, notes = fit_scaling(targets, probs, vocabulary, calibration)
    scaled = apply_scaling(scaling, probs) if calibration != "none" else probs
    thresholds = fit_by_method(targets, scaled, method)
    for column, label in enumerate(vocabulary):
        if np.isnan(thresholds[column]):
            notes.setdefault(label, []).append(
                "no threshold: it lacks positives or negatives to fit one on"
            )
    if method == "f1":
        _note_instability(targets, scaled, patient_ids, vocabulary, notes)
    return FittedThresholds(
        vocabulary=vocabulary,
        method=method,
        calibration=calibration,
        scaling=scaling,
        thresholds=thresholds,
        notes=notes,
    )


def fit_scaling(
    targets: Targets, probs: Probs, vocabulary: tuple[str, ...], calibration: str
) -> tuple[LogitScaling, dict[str, list[str]]]:
    """The scaling of one of CALIBRATIONS, and by label why it has none."""
    num_classes = len(vocabulary)
    keep = LogitScaling(slope=np.ones(num_classes), intercept=np.zeros(num_classes))
    if calibration == "none":
        return keep, {}
    check_calibration(calibration)
    fit = fit_platt if calibration == "platt" else fit_temperature
    fitted = fit(targets, probs)
    # A slope of 0 or less would turn the ranking round: that is a fault to see, not to mend.
    is_sound = fitted.slope > 0
    notes = {
        label: [
            "not calibrated: it lacks positives or negatives, or its probs do not vary"
            if np.isnan(fitted.slope[column])
            else "not calibrated: its probs rank the wrong way round"
        ]
        for column, label in enumerate(vocabulary)
        if not is_sound[column]
    }
    scaling = LogitScaling(
        slope=np.where(is_sound, fitted.slope, 1.0),
        intercept=np.where(is_sound, fitted.intercept, 0.0),
    )
    return scaling, notes


def _note_instability(
    targets: Targets,
    probs: Probs,
    patient_ids: NDArray[Any],
    vocabulary: tuple[str, ...],
    notes: dict[str, list[str]],
) -> None:
    rng = np.random.default_rng(0)
    stability = judge_f1_thresholds(targets, probs, patient_ids, rng=rng)
    flags = (
        (stability.calls_all_positives, "at the lower edge (calls every positive)"),
        (stability.calls_top_score_only, "at the upper edge (calls the top positive only)"),
        (stability.is_unstable, "unstable"),
    )
    for column, label in enumerate(vocabulary):
        faults = [text for is_set, text in flags if is_set[column]]
        if faults:
            low, high = stability.low[column], stability.high[column]
            notes.setdefault(label, []).append(
                f"threshold {', '.join(faults)}: refitted on other patients {low:.3f} to {high:.3f}"
            )
