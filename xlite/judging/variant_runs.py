"""The runs of an ablation by variant and seed, as they ended, and what they cost."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean

from xlite.results.ablation import Cost, VariantRecord, VariantRun
from xlite.run_folder.folder import RunFolder
from xlite.studies.axes import Variant
from xlite.studies.outcome import Outcome


@dataclass(frozen=True, kw_only=True)
class VariantRuns:
    """A variant with the outcome of its run for each seed."""

    variant: Variant
    outcomes: Mapping[int, Outcome]

    @property
    def finished(self) -> dict[int, Outcome]:
        """Those that have scores."""
        return {seed: one for seed, one in self.outcomes.items() if one.scores is not None}


def group_outcomes(
    variants: Sequence[Variant], seeds: Sequence[int], outcomes: Sequence[Outcome]
) -> list[VariantRuns]:
    """The outcomes of `axes.plan_runs` by variant and seed."""
    places = itertools.product(seeds, variants)
    found = {
        (variant.name, seed): outcome
        for (seed, variant), outcome in zip(places, outcomes, strict=True)
    }
    return [
        VariantRuns(variant=variant, outcomes={seed: found[variant.name, seed] for seed in seeds})
        for variant in variants
    ]


def describe_variant(runs: VariantRuns) -> VariantRecord:
    """What is varied, what a finished run of it costs, and how each run ended."""
    return VariantRecord(
        name=runs.variant.name,
        values=dict(runs.variant.values),
        cost=_measure_cost(list(runs.finished.values())),
        runs=tuple(
            VariantRun(seed=seed, name=outcome.name, run=outcome.run_dir.name, error=outcome.error)
            for seed, outcome in runs.outcomes.items()
        ),
    )


def _measure_cost(finished: Sequence[Outcome]) -> Cost:
    scores = [outcome.scores for outcome in finished if outcome.scores is not None]
    rows = [row for outcome in finished for row in RunFolder(outcome.run_dir).history]
    peaks = [row.get("peak_memory_mb", math.nan) for row in rows]
    return Cost(
        seconds_a_run=mean(one.seconds for one in scores) if scores else math.nan,
        epochs_a_run=mean(one.epochs for one in scores) if scores else math.nan,
        peak_memory_mb=max((peak for peak in peaks if peak == peak), default=math.nan),
    )
