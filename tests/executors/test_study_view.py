"""What `training_progress.json` says of a study's runs."""

from __future__ import annotations

import json
from pathlib import Path

from xlite.executors.study_view import StudyView
from xlite.settings import TrainSettings
from xlite.studies.item_result import ItemStart
from xlite.studies.work_item import WorkItem


def test_a_run_on_a_fold_is_noted_with_it(tmp_path: Path) -> None:
    settings = TrainSettings(model="resnet18", seed=3)
    item = WorkItem(id="train:E1:s3:f2", kind="train", subject="E1", settings=settings, fold=2)
    StudyView(tmp_path)(item, ItemStart(run="runs/one"))
    entries = json.loads((tmp_path / "training_progress.json").read_text())["models"]
    assert (entries["E1:s3:f2"]["fold"], entries["E1:s3:f2"]["seed"]) == (2, 3)
