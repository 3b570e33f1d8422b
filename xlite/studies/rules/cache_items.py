"""The work items that build the cache, which all runs of a study need."""

from __future__ import annotations

from xlite.studies.study_plan import CachePlan
from xlite.studies.study_state import StudyState
from xlite.studies.work_item import WorkItem


def cache_items(build: CachePlan) -> tuple[WorkItem, ...]:
    """The shards of a cache, and what puts several of them together.

    >>> [item.id for item in cache_items(CachePlan(images="raw", shards=2))]
    ['cache:1/2', 'cache:2/2', 'cache:merge']
    """
    shards = [f"{number}/{build.shards}" for number in range(1, build.shards + 1)]
    subjects = [*shards, "merge"] if build.shards > 1 else shards
    return tuple(
        WorkItem(id=f"cache:{subject}", kind="cache", subject=subject) for subject in subjects
    )


def is_cache_built(build: CachePlan | None, state: StudyState) -> bool:
    """Whether a run can begin, as far as the cache goes."""
    ends = [] if build is None else [state.end_of(item.id) for item in cache_items(build)]
    return all(end is not None and end.outcome != "failed" for end in ends)


def failed_cache_item(build: CachePlan | None, state: StudyState) -> str | None:
    """The first item of the cache that failed, without which nothing can be trained."""
    for item in () if build is None else cache_items(build):
        end = state.end_of(item.id)
        if end is not None and end.outcome == "failed":
            return item.id
    return None


def ready_cache_items(build: CachePlan, state: StudyState) -> list[WorkItem]:
    """The items of the cache that nobody holds and that can be done now."""
    if failed_cache_item(build, state) is not None:
        return []
    left = [item for item in cache_items(build) if state.end_of(item.id) is None]
    free = [item for item in left if not state.is_held(item.id)]
    return [item for item in free if item.subject != "merge" or len(left) == 1]
