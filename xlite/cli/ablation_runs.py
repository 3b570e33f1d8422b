"""The runs of `xlite ablate`: trained with a fixed number of seeds, or until all is decided."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

from xlite.cli import options

if TYPE_CHECKING:
    from xlite.cli.running_options import RunningOptions
    from xlite.cli.training_command import StudyOptions
    from xlite.cli.verdict_options import VerdictOptions
    from xlite.judging.growth import Growth
    from xlite.results.ablation import Ablation
    from xlite.studies.axes import Variant
    from xlite.studies.outcome import Outcome
    from xlite.studies.plan import PlannedRun


def train_and_judge(
    variants: Sequence[Variant],
    seeds: Sequence[int] | Growth,
    study: StudyOptions,
    running: RunningOptions,
    verdict: VerdictOptions,
) -> tuple[Ablation | None, list[Outcome]]:
    """The ablation, written, and how its runs ended; None without a finished run of the baseline.

    seeds: those of all variants, or how they are added until all is decided.
    """
    from xlite.workflows import ablate

    data = study.load_judgeable_data()
    runtime = running.to_runtime(is_cached=data.is_cached)

    def train(plan: Sequence[PlannedRun], resume: bool) -> list[Outcome]:
        return dataclasses.replace(study, resume=resume).run(plan, data, running)

    return ablate.train_and_judge(
        variants,
        seeds,
        data,
        train=train,
        resume=study.resume,
        devices=runtime.devices * runtime.num_nodes,
        out=study.out,
        margin=verdict.read_margins(),
        safety_margin=verdict.safety_margin,
        command=options.typed_command(),
    )
