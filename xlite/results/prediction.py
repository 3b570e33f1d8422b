"""What a prediction has come to: counted, printed, and kept beside its tables as JSON."""

from __future__ import annotations

from dataclasses import dataclass

from xlite.results import Number, Result


@dataclass(frozen=True, kw_only=True)
class FailedFilm(Result):
    """A film that could not be read."""

    image: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class PredictedLabel(Result):
    """What a label's probs come to."""

    mean_prob: Number
    mean_calibrated: Number
    """NaN without thresholds."""
    threshold: Number
    """On calibrated probs; NaN where the label has none."""
    called: int | None
    """Films that reach it; None where it has none."""


@dataclass(frozen=True, kw_only=True)
class UnlikeFilms(Result):
    """Films that are more unlike those of training than ordinary ones."""

    false_alarms: Number
    """The share of ordinary films that is marked at most."""
    measured_on: int
    """Ordinary films that say how unlike these are."""
    is_unseen: bool
    """Whether the model was not trained on those; where it was, more are marked than it says."""
    films: tuple[str, ...]
    """The most unlike first."""


@dataclass(frozen=True, kw_only=True)
class Prediction(Result):
    """What a model says of films, summed up; the films' own rows are in the tables."""

    kind: str
    """run, ensemble (the mean of runs' probs) or exported."""
    models: tuple[str, ...]
    """Names of the runs, or of the exported folder."""
    labels: tuple[str, ...]
    images: int
    """Films that were predicted."""
    failed: tuple[FailedFilm, ...]
    """Films that could not be read, which have no row."""
    thresholds: str
    """Where calibration and thresholds come from, or why there are none, in words."""
    method: str | None
    """f1, youden, …; None without thresholds."""
    calibration: str | None
    per_class: dict[str, PredictedLabel]
    unlike: UnlikeFilms | None
    """None for a model that keeps nothing of the films of its training."""
    predictions: str | None
    """The table of probs; None where none was written."""
    calls: str | None
    """The table of calibrated probs, calls and marks; None where none was written."""
    identity: str
    """SHA-256 of model, films and batches: the same request has the same."""
    sha256: dict[str, str]
    """Of the tables, by name."""
    images_before: int
    """Films that an earlier call, which was stopped, had predicted already."""
    seconds: Number
    images_per_second: Number
    """Of the films that this call has predicted."""
