"""How many images and seeds it takes: from a label table alone, or from predictions.

N images, C labels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from xlite.arrays import JudgedArrays, read_level
from xlite.errors import ArgumentError
from xlite.results.sample_plan import LabelNeed, MacroNeed, SamplePlan
from xlite.scores.auroc_interval import AurocPrecision, measure_precision
from xlite.scores.detectable import SEED_DEVIATION
from xlite.scores.finding_patients import count_finding_patients
from xlite.scores.sample_size import (
    MODEL_CORRELATION,
    PATIENT_CORRELATION,
    assume_precision,
    factor_for_width,
    half_width,
    least_difference,
    macro_factor_for_width,
    macro_half_width,
    plan_difference,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xlite.judging.labelled_predictions import LabelledPredictions
    from xlite.results.label_scores import MacroScores
    from xlite.scores.ranking import Targets
    from xlite.tables.manifest import Manifest


@dataclass(frozen=True, kw_only=True)
class Aim:
    """What is asked for, and what is assumed for it."""

    width: float = 0.05
    """Intervals are to be ± this."""
    difference: float = 0.01
    """Of two methods' macro AUROC, to be told: the margin up to which none is of consequence."""
    seeds: int = 3
    level: float = 0.95
    power: float = 0.8
    patient_correlation: float = PATIENT_CORRELATION
    model_correlation: float = MODEL_CORRELATION
    seed_deviation: float = SEED_DEVIATION

    def check(self) -> None:
        """Raise ArgumentError for what can't be asked."""
        read_level(self.level)
        ranges = {
            "width": (self.width, 0.001, 0.5),
            "difference": (self.difference, 0.0005, 0.5),
            "power": (self.power, 0.5, 0.99),
            "patient_correlation": (self.patient_correlation, 0.0, 1.0),
            "model_correlation": (self.model_correlation, 0.0, 0.99),
            "seed_deviation": (self.seed_deviation, 0.0, 0.2),
        }
        for name, (value, least, most) in ranges.items():
            if not isinstance(value, int | float) or not least <= value <= most:
                raise ArgumentError(f"{name} must be from {least:g} to {most:g}, got {value!r}.")
        if not isinstance(self.seeds, int) or not 1 <= self.seeds <= 1000:
            raise ArgumentError(f"seeds must be a whole number from 1 to 1000, got {self.seeds!r}.")


def plan_from_labels(table: Manifest, aim: Aim, *, auroc: float, source: str) -> SamplePlan:
    """What it takes by the labels of a table, for models of an AUROC that is assumed.

    Raises ArgumentError for an AUROC outside 0.5 to 0.99 and for what else can't be asked.
    """
    aim.check()
    if not isinstance(auroc, int | float) or not 0.5 <= auroc <= 0.99:
        raise ArgumentError(f"auroc must be from 0.5 to 0.99, got {auroc!r}.")
    precision = assume_precision(
        table.labels, table.patient_ids, auroc=auroc, correlation=aim.patient_correlation
    )
    assumed = {"auroc": auroc, "patient_correlation": aim.patient_correlation}
    subject = _Subject(table.vocabulary, table.labels, table.patient_ids, precision)
    return _plan(subject, aim, source=source, assumed=assumed)


def plan_from_predictions(
    labelled: LabelledPredictions, macro: MacroScores, aim: Aim, *, source: str
) -> SamplePlan:
    """What it takes by predictions, whose AUROC and patients' likeness are known.

    macro: their scores, with the interval of the macro AUROC at the aim's level. How much wider it
    is than if the labels were independent holds for other sizes, too.
    """
    aim.check()
    arrays = JudgedArrays(
        targets=labelled.targets,
        models=(labelled.probs,),
        patients=labelled.patient_ids,
        labels=labelled.vocabulary,
    )
    precision = measure_precision(arrays)
    alone = macro_half_width(precision, level=aim.level)
    together = (macro.auroc_high - macro.auroc_low) / 2 / alone if alone > 0 else 1.0
    subject = _Subject(labelled.vocabulary, labelled.targets, labelled.patient_ids, precision)
    return _plan(subject, aim, source=source, assumed={}, together=together)


@dataclass(frozen=True)
class _Subject:
    labels: tuple[str, ...]
    targets: Targets
    patients: NDArray[Any]
    precision: AurocPrecision


def _plan(
    subject: _Subject,
    aim: Aim,
    *,
    source: str,
    assumed: dict[str, float],
    together: float = 1.0,
) -> SamplePlan:
    return SamplePlan(
        source=source,
        images=len(subject.targets),
        patients=len(np.unique(subject.patients)),
        width=aim.width,
        difference=aim.difference,
        seeds=aim.seeds,
        level=aim.level,
        power=aim.power,
        assumed=assumed
        | {"model_correlation": aim.model_correlation, "seed_deviation": aim.seed_deviation},
        macro=_plan_macro(subject, aim, together),
        per_class=_plan_labels(subject, aim),
    )


def _plan_labels(subject: _Subject, aim: Aim) -> tuple[LabelNeed, ...]:
    precision, num_images = subject.precision, len(subject.targets)
    widths = half_width(precision, level=aim.level)
    factors = factor_for_width(precision, aim.width, level=aim.level)
    least = least_difference(
        precision, correlation=aim.model_correlation, power=aim.power, level=aim.level
    )
    counts = count_finding_patients(subject.targets, subject.patients)
    rows = [
        LabelNeed(
            label=label,
            positives=int(precision.num_positives[column]),
            patients=int(counts.with_finding[column]),
            auroc=float(precision.auroc[column]),
            half_width=float(widths[column]),
            positives_needed=_ceil(factors[column] * precision.num_positives[column]),
            patients_needed=_ceil(factors[column] * counts.with_finding[column]),
            images_needed=_ceil(factors[column] * num_images),
            detectable=float(least[column]),
        )
        for column, label in enumerate(subject.labels)
    ]
    return tuple(sorted(rows, key=lambda row: row.positives))


def _plan_macro(subject: _Subject, aim: Aim, together: float) -> MacroNeed:
    precision, num_images = subject.precision, len(subject.targets)
    known = ~np.isnan(precision.auroc)
    plan = plan_difference(
        precision,
        aim.difference,
        num_seeds=aim.seeds,
        together=together,
        correlation=aim.model_correlation,
        seed_deviation=aim.seed_deviation,
        power=aim.power,
        level=aim.level,
    )
    factor = macro_factor_for_width(precision, aim.width, together=together, level=aim.level)
    return MacroNeed(
        auroc=float(precision.auroc[known].mean()) if known.any() else float("nan"),
        half_width=macro_half_width(precision, together=together, level=aim.level),
        images_needed=_ceil(factor * num_images),
        detectable=plan.detectable,
        images_for_difference=_ceil(plan.image_factor * num_images),
        seeds_for_difference=plan.num_seeds,
        images_by_seeds={
            str(count): _ceil(factor * num_images) for count, factor in plan.by_seeds.items()
        },
    )


def _ceil(count: float) -> float:
    """The next whole number, with three digits of it: no plan is more exact than that."""
    if not np.isfinite(count) or count <= 0:
        return float(count)
    unit = 10 ** max(int(np.floor(np.log10(count))) - 2, 0)
    return float(np.ceil(count / unit) * unit)
