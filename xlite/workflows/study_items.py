"""A study's work items carried out: each is performed by one process, in one call.

Paths in a plan are from the project's folder, which has to be the working folder.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from xlite.workflows.item_attempt import Doing, attempt
from xlite.workflows.study_caching import build_item
from xlite.workflows.study_finish import finish_item
from xlite.workflows.study_judging import judge_item
from xlite.workflows.study_looks import look_item
from xlite.workflows.study_training import train_item

if TYPE_CHECKING:
    from xlite.settings import Runtime
    from xlite.signals import StopRequest
    from xlite.studies.folder import StudyFolder
    from xlite.studies.study_plan import StudyPlan
    from xlite.studies.work_item import WorkItem

_WORK: dict[str, Callable[..., Doing]] = {
    "cache": build_item,
    "train": train_item,
    "judge": judge_item,
    "look": look_item,
    "finish": finish_item,
}


def perform(
    item: WorkItem, folder: StudyFolder, plan: StudyPlan, *, runtime: Runtime, stop: StopRequest
) -> Doing:
    """Do the work of an item; yields its start, a report after each epoch, and at last the result.

    What was done before is taken as it is, so that the
    same call may be made again at any time. What is said meanwhile is added to the item's log.
    What is wrong with the item is said and is the result, `failed`. Raises what may be otherwise
    next time: InterruptedRunError, everything saved, when `stop` was set, RunInUseError while
    another process is at the same work, and OSError, for a full disk say.
    """
    doing = _WORK[item.kind](item, folder, plan, runtime=runtime, stop=stop)
    yield from attempt(item, doing, folder)
