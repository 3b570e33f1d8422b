"""Scores of one set of predictions with what other samples of patients would have shown.

N images, C classes, R resamples. Targets are (N, C): 1 present, 0 absent, -1 unknown; an unknown
entry is left out of its class alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xlite.arrays import read_count, read_judged, read_level, read_vector
from xlite.errors import ArgumentError, did_you_mean
from xlite.scores.bootstrap import (
    Resampled,
    ScoreName,
    average_classes,
    percentile_interval,
    resample_scores,
)
from xlite.scores.ranking import PerClass, macro_mean, ranking_scores
from xlite.scores.reliability import brier_score
from xlite.scores.thresholded import count_at_thresholds, f1

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, kw_only=True)
class BootstrapScores:
    """Scores, and the same scores in each of R resamples of the patients."""

    values: Mapping[str, PerClass]
    """(C,) each, by the score's name; NaN where undefined."""
    drawn: Mapping[str, Resampled]
    """(R, C) each; NaN where a resample lacks what the score needs."""
    labels: tuple[str, ...]
    """The C names."""

    def interval(self, score: str, *, level: float = 0.95) -> tuple[PerClass, PerClass]:
        """Lower and upper percentile of a score over the resamples, (C,) each.

        Of AUROC with few positives they are too short: `auroc_interval` is not.
        """
        low, high = percentile_interval(self._find(score), level=read_level(level))
        return np.asarray(low), np.asarray(high)

    def macro(self, score: str) -> tuple[float, NDArray[np.float64]]:
        """The mean over defined classes, and the same in each resample, (R,)."""
        drawn = self._find(score)
        return macro_mean(self.values[score])[0], average_classes(drawn)

    def to_frame(self, *, level: float = 0.95) -> pd.DataFrame:
        """A row a label: each score, and the score's name with _low and _high."""
        import pandas as pd

        columns: dict[str, PerClass] = {}
        for score, values in self.values.items():
            low, high = self.interval(score, level=level)
            columns |= {score: values, f"{score}_low": low, f"{score}_high": high}
        return pd.DataFrame(columns, index=pd.Index(self.labels, name="label"))

    def _find(self, score: str) -> Resampled:
        if score not in self.drawn:
            raise ArgumentError(
                f"no score {score!r} was resampled.{did_you_mean(score, self.drawn)} There are: "
                f"{', '.join(self.drawn)}."
            )
        return self.drawn[score]


def bootstrap_scores(
    targets: ArrayLike,
    probs: ArrayLike,
    *,
    patients: ArrayLike | None = None,
    scores: Sequence[ScoreName] = ("auroc", "average_precision"),
    thresholds: ArrayLike | None = None,
    num_resamples: int = 1000,
    seed: int = 0,
) -> BootstrapScores:
    """Scores of each class, (C,), and the same in each of R resamples of the patients, (R, C).

    targets: (N, C), 1, 0 or -1, or (N,) for one class. probs: as many, finite, in [0, 1] for
    "brier". patients: (N,) patient ids, who are drawn with all their images; None where every image
    is a patient of its own. scores: of auroc, average_precision, f1, brier. thresholds: (C,), for
    "f1", fitted on other images. Two calls with the same patients and seed see the same resamples,
    so that the differences of two models' `drawn` are paired. Raises ArgumentError for arrays that
    can't be used or do not fit each other, and for other scores.

    >>> found = bootstrap_scores([0, 1, 0, 1], [0.1, 0.4, 0.2, 0.3], patients=list("ppqq"))
    >>> found.values["auroc"].tolist(), found.drawn["auroc"].shape
    ([1.0], (1000, 1))
    """
    chosen = list(scores)
    known: tuple[str, ...] = get_args(ScoreName)
    for name in chosen:
        if name not in known:
            raise ArgumentError(
                f"no score is called {name!r}.{did_you_mean(str(name), known)} Use of: "
                f"{', '.join(known)}."
            )
    arrays = read_judged(targets, {"probs": probs}, patients=patients)
    codes, model = arrays.targets, arrays.models[0]
    limits = None if thresholds is None else read_vector(thresholds, "thresholds")
    if "f1" in chosen and limits is None:
        raise ArgumentError("f1 needs thresholds: those of fit_thresholds on other images.")
    groups = np.arange(len(codes)) if arrays.patients is None else arrays.patients
    drawn = resample_scores(
        codes,
        [model],
        groups,
        rng=np.random.default_rng(read_count(seed, "seed", at_least=0)),
        num_resamples=read_count(num_resamples, "num_resamples", at_least=1),
        scores=chosen,
        thresholds=None if limits is None else [limits],
    )
    auroc, average_precision = ranking_scores(codes, model)
    values = {"auroc": auroc, "average_precision": average_precision}
    if "brier" in chosen:
        values["brier"] = brier_score(codes, model)
    if "f1" in chosen and limits is not None:
        values["f1"] = f1(count_at_thresholds(codes, model, limits))
    return BootstrapScores(
        values={name: values[name] for name in chosen},
        drawn={name: resampled[0] for name, resampled in drawn.items()},
        labels=arrays.labels,
    )
