"""What a run is worth at another site, beside what it was at its own, and why it differs."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar

from xlite.results import Number, Result
from xlite.results.label_map import MapReport
from xlite.results.prediction import FailedFilm

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True)
class Estimate(Result):
    """A number with its interval."""

    value: Number
    low: Number
    high: Number


@dataclass(frozen=True, kw_only=True)
class ScoreDrop(Result):
    """A score at both sites, and what its difference is made of: the last three add up to `drop`.

    The drop is own minus here: of the Brier score, which is better when it is less, below 0 where
    the model is worse here.
    """

    own: Estimate
    here: Estimate
    drop: Estimate
    prevalence: Estimate
    """What findings being more or less common does."""
    view_mix: Estimate
    """What another mix of views does; NaN where the sites have none in common."""
    rest: Estimate
    """What the model loses on films of the same views and findings."""


@dataclass(frozen=True, kw_only=True)
class SiteCalibration(Result):
    """How the probs of a label relate to what is true."""

    slope: Estimate
    intercept: Estimate
    in_the_large: Estimate
    ece: Estimate


@dataclass(frozen=True, kw_only=True)
class ExternalLabel(Result):
    """One label at both sites."""

    own_prevalence: Number
    prevalence: Number
    estimated_prevalence: Estimate
    """What the scaled probs say of the prevalence here, without a label of it."""
    scores: dict[str, ScoreDrop]
    as_is: SiteCalibration
    """Of the probs as the model says them."""
    scaled: SiteCalibration
    """Of those scaled by Platt's method, fitted on the run's validation part; NaN, as what
    follows from it, where that has too few to scale by, or ranks the wrong way round."""
    corrected: SiteCalibration
    """Of those, moved to the estimated prevalence."""
    shared_views: tuple[str, ...]
    """The views that both sites have with the finding and without, and that the rest is told by."""


@dataclass(frozen=True, kw_only=True)
class ExternalEvaluation(Result):
    """A run's scores at another site beside those of a part of its own split."""

    left_out: ClassVar[frozenset[str]] = frozenset({"failed"})

    site: str
    """What the other site is called: as its label table."""
    part: str
    """The part of the run's split that stands for its own site: val or test."""
    own_images: int
    own_patients: int
    not_in_table: tuple[str, ...]
    """Labels of the run that the other site's table does not have."""
    not_in_run: tuple[str, ...]
    """Labels of the other site's table that the run does not predict."""
    mapping: MapReport | None
    """What a label map made of the table's own labels; None without one."""
    failed: tuple[FailedFilm, ...] | None = None
    """Films of the other site that could not be read, and are not judged; None where all could."""
    own_views: dict[str, int]
    """Images by view; "" where none is known."""
    views: dict[str, int]
    macro: dict[str, ScoreDrop]
    """By score: the mean over labels that have it at both sites."""
    within_views: dict[str, ScoreDrop]
    """By view that both sites have: the macro AUROC of its films alone."""
    per_class: dict[str, ExternalLabel]

    def drops_to_frame(self) -> pd.DataFrame:
        """A row a label and score, and one a score for the macro mean."""
        import pandas as pd

        rows = [
            {"label": label, "score": score, **_flatten(drop)}
            for label, drops in (
                *((name, one.scores) for name, one in self.per_class.items()),
                ("macro", self.macro),
            )
            for score, drop in drops.items()
        ]
        return pd.DataFrame(rows)

    def calibration_to_frame(self) -> pd.DataFrame:
        """A row a label and kind of probs: as they are, scaled, and corrected."""
        import pandas as pd

        return pd.DataFrame(
            {
                "label": label,
                "probs": kind,
                "own_prevalence": one.own_prevalence,
                "prevalence": one.prevalence,
                "estimated_prevalence": one.estimated_prevalence.value,
                "estimated_prevalence_low": one.estimated_prevalence.low,
                "estimated_prevalence_high": one.estimated_prevalence.high,
                **_flatten(getattr(one, kind)),
            }
            for label, one in self.per_class.items()
            for kind in ("as_is", "scaled", "corrected")
        )


def _flatten(row: Result) -> dict[str, Any]:
    """The estimates of a result: each under its name, and its limits under `_low` and `_high`."""
    found = {}
    for field in fields(row):
        estimate = getattr(row, field.name)
        found[field.name] = estimate.value
        found |= {f"{field.name}_{end}": getattr(estimate, end) for end in ("low", "high")}
    return found
