"""A study's work items of kind `cache`: a shard of the CLAHE cache, or what puts them together."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import nullcontext
from typing import TYPE_CHECKING

import filelock

from xlite.errors import InputError, RunInUseError
from xlite.settings import ClaheSettings
from xlite.splitting.folds_folder import is_folds, read_folds
from xlite.studies.item_result import ItemResult
from xlite.workflows.cache_clahe import cache_clahe

if TYPE_CHECKING:
    from pathlib import Path

    from xlite.settings import Runtime
    from xlite.signals import StopRequest
    from xlite.studies.folder import StudyFolder
    from xlite.studies.study_plan import CachePlan, StudyPlan
    from xlite.studies.work_item import WorkItem

_MERGE = "merge"


def build_item(
    item: WorkItem, folder: StudyFolder, plan: StudyPlan, *, runtime: Runtime, stop: StopRequest
) -> Iterator[ItemResult]:
    """Build the item's shard of the plan's cache, or merge all of them; yields the result.

    What is built already stays as it is. Raises RunInUseError while another process builds the
    same, OSError for a disk that is full or can't be written, InputError for images that can't be
    used, and InterruptedRunError.
    """
    build = plan.build
    if build is None:
        raise ValueError(f"{item.id}: the plan builds no cache")
    is_whole = build.shards == 1
    try:
        made = cache_clahe(
            build.labels,
            images=build.images,
            out=plan.cache,
            split=_find_split(build, plan),
            settings=ClaheSettings.parse(**build.settings),
            workers=max(1, (os.cpu_count() or 1) // runtime.jobs),
            shard=None if is_whole or item.subject == _MERGE else item.subject,
            merge=item.subject == _MERGE,
            stopping=lambda: nullcontext(stop),
        )
    except InputError as error:
        cause = error.__context__
        if isinstance(cause, filelock.Timeout):
            raise RunInUseError(str(error)) from None
        if isinstance(cause, OSError):
            raise cause from None  # of the disk, and not of the work
        raise
    details = {"images": made.images, "failed": made.failed, "made": made.made}
    yield ItemResult(outcome="finished", seconds=round(made.seconds, 3), details=details)


def _find_split(build: CachePlan, plan: StudyPlan) -> Path | None:
    """The split whose images are cached; all folds have the same ones."""
    if build.labels is not None:
        return None
    return read_folds(plan.split).splits[0] if is_folds(plan.split) else plan.split
