"""What was said of films, film by film, and summed up.

N films that could be read, C labels.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from xlite.predicting.calls import settle_level, tabulate_calls
from xlite.predicting.failed_films import name_failed
from xlite.results.prediction import (
    PredictedLabel,
    Prediction,
    UnlikeFilms,
)
from xlite.run_folder.predictions import Predictions
from xlite.training.predict import to_probs

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from xlite.predicting.chunks import PredictedChunk
    from xlite.predicting.films import Films
    from xlite.predicting.open_predictor import OpenedPredictor
    from xlite.scores.fitted_thresholds import FittedThresholds


@dataclass(frozen=True, eq=False, kw_only=True)
class PredictedFilms:
    """What a model says of N films."""

    image_ids: NDArray[Any]
    """(N,) text."""
    probs: NDArray[np.float64]
    """(N, C) in [0, 1], as the model says them."""
    labels: tuple[str, ...]
    """The C labels."""
    thresholds: FittedThresholds | None
    """Calibration and thresholds that calls are made by."""
    p_values: NDArray[np.float64] | None
    """(N,) the share of ordinary films that are as unlike those of training."""
    summary: Prediction

    def to_frame(self) -> pd.DataFrame:
        """A row a film: `prob_`, `calibrated_` and `call_` a label, and whether it is unlike."""
        frame = self.predictions().to_frame()
        return frame.join(self.calls().drop(columns="image_id"))

    def predictions(self) -> Predictions:
        """The probs as the table of a run's predictions has them."""
        return Predictions(self.image_ids, self.probs, self.labels)

    def calls(self) -> pd.DataFrame:
        """The rows of `tabulate_calls`."""
        unlike = self.summary.unlike
        return tabulate_calls(
            self.image_ids,
            self.probs,
            self.thresholds,
            self.p_values,
            level=0.0 if unlike is None else unlike.false_alarms,
        )

    def to_json(self) -> dict[str, Any]:
        """The summary as plain values; the films' rows are in the tables."""
        return self.summary.to_json()


def gather_chunks(
    opened: OpenedPredictor,
    films: Films,
    chunks: Iterable[PredictedChunk],
    *,
    false_alarms: float,
    identity: str,
) -> PredictedFilms:
    """Chunks in their order as one; the summary says nothing yet of files and time."""
    every = list(chunks)
    positions = np.concatenate([chunk.positions for chunk in every])
    probs = to_probs(np.concatenate([chunk.logits for chunk in every]))
    p_values = None
    if opened.typical is not None:
        distances = np.concatenate([chunk.distances for chunk in every])
        p_values = opened.typical.p_values(distances)
    failures = {at: reason for chunk in every for at, reason in chunk.failures.items()}
    image_ids, fitted = films.image_ids[positions], opened.thresholds.fitted
    unlike = None
    if opened.typical is not None and p_values is not None:
        level = settle_level(opened.typical, false_alarms)
        marked = np.flatnonzero(p_values <= level)
        unlike = UnlikeFilms(
            false_alarms=level,
            measured_on=len(opened.typical.distances),
            is_unseen=opened.typical.is_unseen,
            films=tuple(image_ids[marked[np.argsort(-distances[marked], kind="stable")]]),
        )
    summary = Prediction(
        kind=opened.kind,
        models=opened.names,
        labels=opened.predictor.labels,
        images=len(positions),
        failed=name_failed(films, failures),
        thresholds=opened.thresholds.source,
        method=None if fitted is None else fitted.method,
        calibration=None if fitted is None else fitted.calibration,
        per_class=_describe_labels(opened.predictor.labels, probs, fitted),
        unlike=unlike,
        predictions=None,
        calls=None,
        identity=identity,
        sha256={},
        images_before=0,
        seconds=0.0,
        images_per_second=0.0,
    )
    return PredictedFilms(
        image_ids=image_ids,
        probs=probs,
        labels=opened.predictor.labels,
        thresholds=fitted,
        p_values=p_values,
        summary=summary,
    )


def with_summary(predicted: PredictedFilms, **changes: Any) -> PredictedFilms:
    """The same with other values in its summary."""
    return replace(predicted, summary=replace(predicted.summary, **changes))


def _describe_labels(
    labels: tuple[str, ...], probs: NDArray[np.float64], fitted: FittedThresholds | None
) -> dict[str, PredictedLabel]:
    scaled = np.full_like(probs, np.nan) if fitted is None else fitted.scale(probs)
    limits = np.full(len(labels), np.nan) if fitted is None else fitted.thresholds
    return {
        label: PredictedLabel(
            mean_prob=_mean(probs[:, column]),
            mean_calibrated=_mean(scaled[:, column]),
            threshold=float(limits[column]),
            called=None
            if np.isnan(limits[column])
            else int((scaled[:, column] >= limits[column]).sum()),
        )
        for column, label in enumerate(labels)
    }


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean()) if values.size else float("nan")
