"""The runs of an ablation by variant, seed and fold, as they ended, and what they cost."""

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
    """A variant with the outcomes of each seed: of its one run, or of one a fold."""

    variant: Variant
    outcomes: Mapping[int, Sequence[Outcome]]

    @property
    def finished(self) -> dict[int, Sequence[Outcome]]:
        """Those seeds of which every run has scores."""
        return {
            seed: runs
            for seed, runs in self.outcomes.items()
            if all(one.scores is not None for one in runs)
        }


def group_outcomes(
    variants: Sequence[Variant], seeds: Sequence[int], outcomes: Sequence[Sequence[Outcome]]
) -> list[VariantRuns]:
    """The outcomes of each run of `axes.plan_runs`, one a fold, by variant and seed."""
    places = itertools.product(seeds, variants)
    found = {
        (variant.name, seed): runs for (seed, variant), runs in zip(places, outcomes, strict=True)
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
        cost=_measure_cost([one for of_seed in runs.finished.values() for one in of_seed]),
        runs=tuple(
            VariantRun(
                seed=seed,
                fold=fold if len(outcomes) > 1 else None,
                name=outcome.name,
                run=outcome.run_dir.name,
                error=outcome.error,
            )
            for seed, outcomes in runs.outcomes.items()
            for fold, outcome in enumerate(outcomes)
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
