"""A study's work items of kind `look`: variants judged by the seeds that they have so far."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xlite.errors import InputError
from xlite.judging.choices import record_choice
from xlite.judging.compared_runs import read_run_methods
from xlite.judging.growth import Ending, Growth, follow_looks
from xlite.judging.margins import DEFAULT_SAFETY_MARGIN, settle_margins
from xlite.judging.methods import align_methods
from xlite.judging.paired_differences import judge_methods
from xlite.places import VALIDATION
from xlite.results.selection import SeedLook
from xlite.run_folder.folder import RunFolder
from xlite.splitting.split_folder import Split
from xlite.studies.item_result import ItemResult
from xlite.workflows.study_data import read_item_split
from xlite.workflows.study_folder import find_experiments

if TYPE_CHECKING:
    from xlite.settings import Runtime
    from xlite.signals import StopRequest
    from xlite.studies.folder import StudyFolder
    from xlite.studies.study_plan import StudyPlan
    from xlite.studies.work_item import WorkItem


def look_item(
    item: WorkItem, folder: StudyFolder, plan: StudyPlan, *, runtime: Runtime, stop: StopRequest
) -> Iterator[ItemResult]:
    """Judge the variants of an item at all looks so far; yields the result.

    Its details have `verdicts`, of each variant the decision, why it ended if it did, and the
    macro AUROC change with the limits that hold at all looks. The look is noted in the ledger of
    choices. Raises InputError for folds, and for
    runs that are unfinished, damaged or of another split.
    """
    started = time.monotonic()
    growth, split = plan.growth, read_item_split(item, plan)
    if growth is None or not isinstance(split, Split):
        raise InputError(f"{item.id}: seeds are added on a single split, and not over folds.")
    experiments = find_experiments(folder)
    groups = {
        name: {RunFolder(experiments / run).settings.seed: experiments / run for run in runs}
        for name, runs in item.groups.items()
    }
    methods, _ = align_methods(read_run_methods(groups, split))
    looks = Growth(seeds=growth.seeds, first=growth.first)
    baseline = growth.variants[0]
    endings = follow_looks(
        judge_methods(methods),
        baseline,
        looks,
        margin=settle_margins(None)["auroc"],
        safety_margin=DEFAULT_SAFETY_MARGIN,
    )
    runs = {Path(run).name for group in item.groups.values() for run in group}
    record_choice(
        experiments,
        split.require_part(VALIDATION),
        f"study {plan.name}: {item.id}",
        kind="look",
        names=sorted(item.groups),
        split_sha256=split.sha256[VALIDATION],
        growth=SeedLook(
            seeds=max(len(group) for group in groups.values()),
            max_seeds=len(growth.seeds),
            runs=tuple(sorted(runs)),
        ),
    )
    yield ItemResult(
        outcome="finished",
        seconds=round(time.monotonic() - started, 3),
        scores={},
        details={
            "rule": looks.describe_rule(),
            "verdicts": {
                name: _describe(baseline, name, one, looks) for name, one in endings.items()
            },
        },
    )


def _describe(baseline: str, name: str, ending: Ending, growth: Growth) -> dict[str, Any]:
    macro = ending.view.difference(baseline, name, "auroc", looks=growth.looks).macro
    values = {"change": macro.difference, "low": macro.low, "high": macro.high}
    return {
        "decision": ending.verdict.decision,
        "ended": ending.verdict.ended,
        "seeds": ending.verdict.seeds,
        "looks": ending.verdict.looks,
        "reasons": list(ending.verdict.reasons),
        **{key: float(one) if math.isfinite(one) else None for key, one in values.items()},
    }
