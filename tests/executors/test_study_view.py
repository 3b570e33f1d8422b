"""What `training_progress.json` says of a study's runs."""

from __future__ import annotations

import json
from pathlib import Path

from xlite.executors.queue_status import read_queue_status
from xlite.executors.study_view import StudyView
from xlite.settings import TrainSettings
from xlite.studies.item_result import ItemResult, ItemStart
from xlite.studies.work_item import WorkItem


def test_a_run_on_a_fold_is_noted_with_it(tmp_path: Path) -> None:
    settings = TrainSettings(model="resnet18", seed=3)
    item = WorkItem(id="train:E1:s3:f2", kind="train", subject="E1", settings=settings, fold=2)
    StudyView(tmp_path)(item, ItemStart(run="runs/one"))
    entries = json.loads((tmp_path / "training_progress.json").read_text())["models"]
    assert (entries["E1:s3:f2"]["fold"], entries["E1:s3:f2"]["seed"]) == (2, 3)


def test_a_run_that_its_study_pauses_is_paused_and_one_that_a_signal_ends_interrupted(
    tmp_path: Path,
) -> None:
    settings = TrainSettings(model="resnet18")
    item = WorkItem(id="train:search/7:s0:e5", kind="train", subject="search/7", settings=settings)
    (tmp_path / "runs" / "one").mkdir(parents=True)
    view, seen = StudyView(tmp_path), []
    for news in (ItemStart(run="runs/one"), ItemResult(outcome="paused"), None):
        view(item, news)
        (run,) = read_queue_status(tmp_path).runs
        seen.append(run.status)
    # Nobody trains it here: what is said to run is found to have stopped.
    assert seen == ["stopped", "paused", "interrupted"]
