"""A learning curve: what models score on parts of the training patients, and may on more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from xlite.results import Number, Result


@dataclass(frozen=True, kw_only=True)
class CurveRun(Result):
    """A run on a subset of the training patients."""

    seed: int
    run: str
    """Its folder, from the experiments folder."""
    patients: int
    images: int
    """Of training."""
    auroc: Number
    """Macro, of validation."""


@dataclass(frozen=True, kw_only=True)
class CurvePoint(Result):
    """The runs of one size: a share of the training patients."""

    share: float
    patients: Number
    """Mean over the runs, as the next two."""
    images: Number
    auroc: Number
    deviation: Number
    """Standard deviation over the runs; NaN of one."""
    runs: tuple[CurveRun, ...]


@dataclass(frozen=True, kw_only=True)
class ForecastPoint(Result):
    """What as many runs would score on average with so many times the patients."""

    factor: float
    patients: int
    median: Number
    low: Number
    high: Number


@dataclass(frozen=True, kw_only=True)
class ModelCurve(Result):
    """The curve of one model."""

    model: str
    points: tuple[CurvePoint, ...]
    """The smallest first."""
    forecast: tuple[ForecastPoint, ...]
    """None with fewer than three sizes that have a finished run."""
    note: str = ""
    """Why there is no forecast."""


@dataclass(frozen=True, kw_only=True)
class LearningCurve(Result):
    """What `train --subset-sizes` found: kept in `learning_curve.json`."""

    kind: ClassVar[str] = "learning_curve"

    command: str = ""
    time: str = ""
    part: str = "val"
    images: int
    """Those of validation, on which all runs are judged."""
    patients: int
    level: float
    """Of the forecast's intervals."""
    models: tuple[ModelCurve, ...]
    failures: tuple[str, ...] = ()
    """Runs that failed, with their errors."""
