"""The labels that collapsed in an ablation, gathered by variant, kind and likely cause."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from xlite import console
from xlite.judging.collapse import find_collapses, read_run_facts
from xlite.results.ablation import CollapsedLabels
from xlite.sampling.sampling_plan import plan_sampling
from xlite.sampling.source_sets import find_sampling_sets

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xlite.judging.paired_differences import JudgedMethods
    from xlite.judging.variant_runs import VariantRuns
    from xlite.settings import TrainSettings
    from xlite.tables.manifest import Manifest
    from xlite.training.data import StudyData


def gather_collapses(
    judged: JudgedMethods, runs: Sequence[VariantRuns], data: StudyData
) -> list[CollapsedLabels]:
    """Collapsed labels by variant, kind and cause, with the seeds of each.

    Over folds the causes are sought in the run of the first.
    """
    groups: dict[tuple[str, str, str, str], dict[str, list[int]]] = {}
    by_name = {one.variant.name: one for one in runs}
    for method in judged.methods:
        rows, one = judged.rows(method.name), by_name[method.name]
        with console.hushed():
            train = data.read_by(one.variant.settings).parts["train"]
        known = np.maximum((train.labels >= 0).sum(axis=0), 1)
        exposure = _measure_exposure(one.variant.settings, train)
        for seed, outcomes in one.finished.items():
            facts = read_run_facts(
                outcomes[0].run_dir,
                train_positives=train.positives,
                prevalence=train.positives / known,
                exposure=exposure,
            )
            for found in find_collapses(method.predictions[seed], judged.calls[rows[seed]], facts):
                key = (method.name, found.kind, found.meaning, found.cause)
                groups.setdefault(key, {}).setdefault(found.label, []).append(seed)
    return [
        CollapsedLabels(
            variant=variant,
            kind=kind,
            meaning=meaning,
            cause=cause,
            labels={label: tuple(seeds) for label, seeds in labels.items()},
        )
        for (variant, kind, meaning, cause), labels in groups.items()
    ]


def _measure_exposure(settings: TrainSettings, train: Manifest) -> NDArray[np.float64] | None:
    """How often the sampler draws each class, as a multiple of its natural share."""
    plan = plan_sampling(
        find_sampling_sets(train, settings.sampler),
        settings.sampler,
        train.vocabulary,
        batch_size=settings.batch_size,
        seed=settings.seed,
    )
    if plan.weights is None:
        return None
    natural = plan.natural.positives_per_image
    ratio: NDArray[np.float64] = plan.exposure.positives_per_image / np.where(
        natural > 0, natural, np.nan
    )
    return ratio
