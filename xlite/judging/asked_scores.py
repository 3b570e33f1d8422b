"""The scores by which a study judges one way of training, over all of its seeds.

N images, C labels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from xlite.errors import InputError, did_you_mean
from xlite.judging.evaluation import Resampling, score_predictions
from xlite.judging.labelled_predictions import LabelledPredictions
from xlite.judging.thresholding import ThresholdedCalls, crossfit_calls
from xlite.results.evaluation import Scores
from xlite.scores.bootstrap import Resampled, macro_interval, percentile_interval
from xlite.scores.ranking import PerClass, macro_mean
from xlite.scores.resampled_calls import resample_calls
from xlite.scores.resampling import count_freedom
from xlite.studies.ledger_entries import Score
from xlite.studies.study_plan import ScoreName

_RESAMPLING = Resampling(seed=42)
"""As `xlite evaluate` resamples where nothing else is asked for: it says the same of a run."""
LEVEL = _RESAMPLING.level
"""Of the intervals."""
_EVALUATED = ("auroc", "average_precision", "f1")
"""The scores whose intervals an evaluation has."""
_SYNONYMS = {"sensitivity": "recall"}
_RESTS_ON: dict[str, Callable[[ThresholdedCalls], NDArray[np.bool_]]] = {
    "precision": lambda calls: calls.is_called & (calls.targets >= 0),
    "recall": lambda calls: calls.targets == 1,
    "specificity": lambda calls: calls.targets == 0,
    "balanced_accuracy": lambda calls: calls.targets == 1,
}
"""The entries that a score of calls rests on."""
ASKED_SCORES = (*_EVALUATED, *_RESTS_ON, *_SYNONYMS)
"""What may be asked for, of all labels as their macro mean or of one of them."""


@dataclass(frozen=True)
class JudgedRun:
    """The predictions of one training, and what is found out about them once it is asked for."""

    labelled: LabelledPredictions

    @cached_property
    def calls(self) -> ThresholdedCalls:
        """At thresholds that are cross-fitted between halves of the patients, for the best F1."""
        return crossfit_calls(self.labelled, method="f1", calibration="none")

    @cached_property
    def _evaluated(self) -> dict[str, Scores]:
        return {}

    def _evaluate(self, score: str) -> Scores:
        """What `xlite evaluate` says of it, with no intervals but those of this score."""
        wanted = score if score in _EVALUATED else ""
        if wanted not in self._evaluated:
            self._evaluated[wanted] = score_predictions(
                self.labelled, self.calls, resampling=_RESAMPLING, intervals=(wanted,)
            )
        return self._evaluated[wanted]

    @cached_property
    def resampled_calls(self) -> dict[str, Resampled]:
        """(R, C) of each score of calls."""
        return resample_calls(
            self.calls.targets,
            self.calls.is_called,
            self.labelled.patient_ids,
            rng=_RESAMPLING.generator(),
            num_resamples=_RESAMPLING.num_resamples,
        )

    def measure(self, asked: ScoreName) -> tuple[float, float, float]:
        """A score and the limits of its 95 % interval over resampled patients; NaN if undefined."""
        score = _SYNONYMS.get(asked.score, asked.score)
        found = self._evaluate(score)
        row = found.macro if asked.label is None else found.per_class[asked.label]
        if score in _EVALUATED:
            return (
                getattr(row, score),
                getattr(row, f"{score}_low"),
                getattr(row, f"{score}_high"),
            )
        values: PerClass = np.array([getattr(one, score) for one in found.per_class.values()])
        drawn, level = self.resampled_calls[score], found.level
        if asked.label is not None:
            column = self.labelled.vocabulary.index(asked.label)
            low, high = percentile_interval(drawn[:, column], level=level)
            return float(values[column]), float(low), float(high)
        freedom = count_freedom(_RESTS_ON[score](self.calls), self.labelled.patient_ids)
        return (macro_mean(values)[0], *macro_interval(values, drawn, freedom, level=level))


def measure_asked(runs: Sequence[JudgedRun], asked: Sequence[ScoreName]) -> dict[str, Score]:
    """Each score by its name: its mean over the runs, and the means of the limits.

    The interval is over patients, as that of a single run: it is as wide as if all runs erred
    alike, which is somewhat too wide, and says nothing of other seeds. Raises InputError for a
    score that nobody knows, and for a label that the runs don't have or that has no positives.
    """
    for name in asked:
        require_askable(name)
        _require_judgeable(name, runs[0].labelled)
    return {str(name): _average([run.measure(name) for run in runs]) for name in asked}


def require_askable(name: ScoreName) -> None:
    """Raise InputError unless it is the name of a score by which a study can judge."""
    if name.score not in ASKED_SCORES:
        raise InputError(
            f"{name}: there is no score {name.score!r} to judge by."
            f"{did_you_mean(name.score, ASKED_SCORES)} Use one of: {', '.join(ASKED_SCORES)}."
        )


def _require_judgeable(name: ScoreName, labelled: LabelledPredictions) -> None:
    if name.label is None:
        return
    if name.label not in labelled.vocabulary:
        raise InputError(
            f"{name}: there is no label {name.label!r}."
            f"{did_you_mean(name.label, labelled.vocabulary)} The labels are "
            f"{', '.join(labelled.vocabulary)}."
        )
    if not labelled.positives[labelled.vocabulary.index(name.label)]:
        raise InputError(
            f"{name}: none of the {len(labelled)} images that are judged has {name.label}, so it "
            "has no score. Judge by another label, or by the macro mean."
        )


def _average(measured: Sequence[tuple[float, float, float]]) -> Score:
    means = [_mean_of_defined(values) for values in zip(*measured, strict=True)]
    return Score(point=means[0], low=means[1], high=means[2])


def _mean_of_defined(values: Sequence[float]) -> float | None:
    defined = [value for value in values if value == value]
    return sum(defined) / len(defined) if defined else None
