"""Work items of kind `cache`: shards and their merge give the cache that one build gives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from xlite.clahe_cache.file_names import CACHE_IMAGES
from xlite.clahe_cache.folder import is_complete, locked
from xlite.errors import InterruptedRunError, RunInUseError
from xlite.settings import Runtime
from xlite.signals import StopRequest
from xlite.studies.folder import StudyFolder
from xlite.studies.item_result import ItemResult
from xlite.studies.rules.cache_items import cache_items
from xlite.studies.study_plan import CachePlan, StudyPlan
from xlite.workflows.study_items import perform

RUNTIME = Runtime(device="cpu", jobs=2)


@pytest.fixture
def folder(tmp_path: Path) -> StudyFolder:
    return StudyFolder(tmp_path / "experiments" / "studies" / "a")


def plan_of(project: Any, tmp_path: Path, *, shards: int) -> StudyPlan:
    build = CachePlan(images=project.images, settings={"size": 64, "grid": 4}, shards=shards)
    return StudyPlan(name="a", split=project.split, cache=tmp_path / "cache", build=build)


def do(number: int, folder: StudyFolder, plan: StudyPlan, stop: StopRequest) -> ItemResult:
    assert plan.build is not None
    item = cache_items(plan.build)[number]
    (result,) = perform(item, folder, plan, runtime=RUNTIME, stop=stop)
    assert isinstance(result, ItemResult)
    return result


@pytest.mark.parametrize("shards", [1, 2])
def test_the_cache_is_built_and_found_built(
    shards: int, project: Any, folder: StudyFolder, tmp_path: Path
) -> None:
    plan = plan_of(project, tmp_path, shards=shards)
    assert plan.build is not None
    numbers = range(len(cache_items(plan.build)))
    results = [do(number, folder, plan, StopRequest()) for number in numbers]
    assert [one.outcome for one in results] == ["finished"] * len(numbers)
    assert results[-1].details["images"] == 160
    assert is_complete(plan.cache)
    # Its images are in the order of the split's parts, those of the other in that of the table.
    pixels = [(top / CACHE_IMAGES).stat().st_size for top in (plan.cache, project.cache)]
    assert pixels[0] == pixels[1]
    again = [do(number, folder, plan, StopRequest()) for number in numbers]
    assert [one.details["made"] for one in again] == [0] * len(numbers)


def test_a_cache_that_another_process_builds_is_waited_for(
    project: Any, folder: StudyFolder, tmp_path: Path
) -> None:
    plan = plan_of(project, tmp_path, shards=1)
    with locked(plan.cache), pytest.raises(RunInUseError, match="Another process"):
        do(0, folder, plan, StopRequest())
    stop = StopRequest()
    stop.signal_number = 15
    with pytest.raises(InterruptedRunError):
        do(0, folder, plan, stop)
    assert do(0, folder, plan, StopRequest()).outcome == "finished"


def test_images_that_are_not_there_are_a_failure(
    project: Any, folder: StudyFolder, tmp_path: Path
) -> None:
    plan = plan_of(project, tmp_path, shards=1)
    (tmp_path / "empty").mkdir()
    other = StudyPlan(
        name="a",
        split=plan.split,
        cache=plan.cache,
        build=CachePlan(images=tmp_path / "empty"),
    )
    result = do(0, folder, other, StopRequest())
    assert result.outcome == "failed"
    assert "empty" in (result.error or "")
