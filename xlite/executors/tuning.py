"""`--tune`, applied to the runs of a command: each model is measured once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from xlite.errors import InputError
from xlite.settings import Runtime
from xlite.studies.plan import PlannedRun
from xlite.training.data import StudyData
from xlite.training.tune import RECORD, Probe, Way, available_precisions, find_fastest_way


def tune_plan(
    plan: Sequence[PlannedRun],
    data: StudyData,
    out: Path,
    *,
    runtime: Runtime,
    keeps_precision: bool,
) -> tuple[list[PlannedRun], Runtime]:
    """The plan and the runtime with the precision and memory format that each model is fastest in.

    The precision stays as it is where the user has chosen it, and where the runs differ in it:
    then it is what they are there to compare. Raises InputError for runs on several devices.
    """
    if runtime.devices * runtime.num_nodes > 1:
        raise InputError("--tune measures one device. Leave out --devices and --nodes, or --tune.")
    precisions = {run.settings.precision for run in plan}
    is_fixed = keeps_precision or len(precisions) > 1
    ways: dict[str, Way] = {}
    for run in plan:
        settings = run.settings
        if settings.model in ways:
            continue
        default = Way(settings.precision, "channels_last")
        probe = Probe(
            model=settings.model,
            num_classes=len(data.vocabulary),
            image_size=settings.image_size or data.image_size,
            num_images=-(-settings.batch_size // settings.accumulate),
            device=runtime.device,
        )
        ways[settings.model] = find_fastest_way(
            probe,
            default=default,
            precisions=[default.precision] if is_fixed else available_precisions(runtime.device),
            record_path=out / RECORD,
        )
    contiguous = tuple(model for model, way in ways.items() if way.memory_format == "contiguous")
    runtime = runtime.model_copy(update={"contiguous_models": contiguous})
    if is_fixed:
        return list(plan), runtime
    return [_with_precision(run, ways[run.settings.model]) for run in plan], runtime


def _with_precision(run: PlannedRun, way: Way) -> PlannedRun:
    update = {"precision": way.precision}
    return replace(run, settings=run.settings.model_copy(update=update))
