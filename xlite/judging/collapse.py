"""Collapsed classes: those that a model never finds, always calls, or says one thing of.

N images, C labels. Calls are those at cross-fitted thresholds, so that a class is not called
collapsed because its probs are merely small or large; the last kind alone is about 0.5.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from xlite.losses.class_weights import implied_operating_point
from xlite.run_folder.folder import RunFolder
from xlite.scores.class_scores import score_counts
from xlite.scores.thresholded import confusion_counts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xlite.judging.labelled_predictions import LabelledPredictions
    from xlite.judging.thresholding import ThresholdedCalls
    from xlite.settings import TrainSettings

CONSTANT = "constant"
NEVER_FOUND = "never found"
ALWAYS_CALLED = "always called"
ALWAYS_CALLED_AT_HALF = "always called at 0.5"

_MEANINGS = {
    CONSTANT: "the same prob for every image",
    NEVER_FOUND: "F1 of 0 at the fitted threshold, with positives present",
    ALWAYS_CALLED: "recall near 1 at a precision near prevalence, at the fitted threshold",
    ALWAYS_CALLED_AT_HALF: "recall near 1 at a precision near prevalence, at a threshold of 0.5",
}

_LEAST_SPREAD = 1e-6
_NEAR_ONE = 0.95
_LIFT = 0.1
_HIGH_OPERATING_POINT = 2 / 3
_STARVED_BELOW = 0.5
_FEW_POSITIVES = 30
_MOST_LOSS_GAIN = 1.1
_LEAST_LOSS_FALL = 0.95


@dataclass(frozen=True, kw_only=True)
class Collapse:
    """What happened to a class under one method and seed."""

    label: str
    kind: str
    cause: str
    """The likely cause, in words."""

    @property
    def meaning(self) -> str:
        """What the kind means."""
        return _MEANINGS[self.kind]


@dataclass(frozen=True, eq=False, kw_only=True)
class RunFacts:
    """What is known of a run, to explain a collapse by; arrays are (C,)."""

    settings: TrainSettings
    train_positives: NDArray[np.int64]
    prevalence: NDArray[np.float64]
    """Of the training part."""
    pos_weight: NDArray[np.float64] | None
    """The loss's weight of positives; None without."""
    exposure: NDArray[np.float64] | None
    """How often the sampler draws each class, as a multiple of its natural share; None without."""
    losses: tuple[float, ...]
    """Training loss of each epoch."""


def find_collapses(
    labelled: LabelledPredictions, calls: ThresholdedCalls, facts: RunFacts
) -> list[Collapse]:
    """The collapsed classes of one run, each with its likely cause.

    Always called: recall at least 0.95 at a precision at most π + 0.1 π (1 - π), π the prevalence.
    A class without positives can't be judged and is never listed.
    """
    kinds = detect_collapses(labelled, calls)
    return [
        Collapse(
            label=labelled.vocabulary[column],
            kind=kind,
            cause=explain_collapse(kind, column, facts),
        )
        for column, kind in sorted(kinds.items())
    ]


def detect_collapses(labelled: LabelledPredictions, calls: ThresholdedCalls) -> dict[int, str]:
    """The kind of collapse of each class that has collapsed, by column."""
    fitted = score_counts(confusion_counts(calls.targets, calls.is_called))
    at_half = score_counts(confusion_counts(labelled.targets, labelled.probs >= 0.5))
    known = labelled.targets >= 0
    prevalence = labelled.positives / np.maximum(known.sum(axis=0), 1)
    spread = np.ptp(labelled.probs, axis=0)
    kinds = {}
    for column in range(len(labelled.vocabulary)):
        if labelled.positives[column] == 0:
            continue
        if spread[column] < _LEAST_SPREAD:
            kinds[column] = CONSTANT
        elif fitted["f1"][column] == 0:
            kinds[column] = NEVER_FOUND
        elif _calls_all(fitted, column, prevalence[column]):
            kinds[column] = ALWAYS_CALLED
        elif _calls_all(at_half, column, prevalence[column]):
            kinds[column] = ALWAYS_CALLED_AT_HALF
    return kinds


def explain_collapse(kind: str, column: int, facts: RunFacts) -> str:
    """The likely cause of a collapse, in words; the first of the known ones that fits."""
    loss, settings = facts.settings.loss, facts.settings
    if _has_diverged(facts.losses):
        return f"the training loss rose: a learning rate of {settings.lr:g} is too high"
    if kind in (ALWAYS_CALLED, ALWAYS_CALLED_AT_HALF) and facts.pos_weight is not None:
        point = implied_operating_point(
            facts.pos_weight[column : column + 1], facts.prevalence[column : column + 1]
        )[0]
        if point > _HIGH_OPERATING_POINT:
            return "pos_weight moves the operating point near 1"
    if kind == ALWAYS_CALLED_AT_HALF and facts.exposure is not None and facts.exposure[column] > 2:
        return "the sampler raises the prevalence that the model learns; fit thresholds"
    if facts.exposure is not None and facts.exposure[column] < _STARVED_BELOW:
        return f"the sampler ({settings.sampler.name}) starves the class"
    if facts.train_positives[column] == 0:
        return "no training image has the label"
    if loss.name in ("focal", "combined") and kind in (CONSTANT, NEVER_FOUND):
        alpha = _alpha_of(loss.focal_alpha, column)
        if alpha is not None and alpha < 0.5:
            return f"a focal α of {alpha:g} weighs positives down; try --focal-alpha balanced"
    if len(facts.losses) > 1 and facts.losses[-1] > _LEAST_LOSS_FALL * facts.losses[0]:
        return (
            f"the training loss hardly fell in {len(facts.losses)} epochs: too few, or a learning "
            f"rate of {settings.lr:g} is too low"
        )
    if kind == CONSTANT:
        return f"the outputs have saturated: a learning rate of {settings.lr:g} may be too high"
    if facts.train_positives[column] < _FEW_POSITIVES:
        return f"fewer than {_FEW_POSITIVES} training positives"
    return f"not learnt in {len(facts.losses)} epochs"


def read_run_facts(
    run_dir: Path,
    *,
    train_positives: NDArray[np.int64],
    prevalence: NDArray[np.float64],
    exposure: NDArray[np.float64] | None,
) -> RunFacts:
    """The facts in a finished run's folder, beside those of its data."""
    run = RunFolder(run_dir)
    weights = run.config.pos_weight
    return RunFacts(
        settings=run.settings,
        train_positives=train_positives,
        prevalence=prevalence,
        pos_weight=None if weights is None else np.array(weights),
        exposure=exposure,
        losses=tuple(row["train_loss"] for row in run.history),
    )


def _calls_all(scores: dict[str, Any], column: int, prevalence: float) -> bool:
    least = prevalence + _LIFT * prevalence * (1 - prevalence)
    return bool(scores["recall"][column] >= _NEAR_ONE and scores["precision"][column] <= least)


def _has_diverged(losses: Sequence[float]) -> bool:
    if not losses:
        return False
    return not math.isfinite(losses[-1]) or losses[-1] > _MOST_LOSS_GAIN * losses[0]


def _alpha_of(alpha: float | str | tuple[float, ...], column: int) -> float | None:
    if isinstance(alpha, tuple):
        return alpha[column]
    return None if isinstance(alpha, str) else float(alpha)
