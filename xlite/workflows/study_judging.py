"""A study's work items of kind `judge`: the runs of an experiment, judged together."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from xlite.errors import InputError
from xlite.judging.asked_scores import JudgedRun, measure_asked
from xlite.judging.labelled_predictions import LabelledPredictions, read_run_predictions
from xlite.run_folder.folder import RunFolder
from xlite.scores.ranking import macro_mean
from xlite.studies.item_result import ItemResult
from xlite.studies.study_plan import ScoreName, StudyPlan
from xlite.workflows.study_data import read_item_split
from xlite.workflows.study_training import find_experiments

if TYPE_CHECKING:
    from pathlib import Path

    from xlite.settings import Runtime
    from xlite.signals import StopRequest
    from xlite.studies.folder import StudyFolder
    from xlite.studies.work_item import WorkItem


def judge_item(
    item: WorkItem, folder: StudyFolder, plan: StudyPlan, *, runtime: Runtime, stop: StopRequest
) -> Iterator[ItemResult]:
    """Judge the runs of an item by the scores that it asks for; yields the result.

    Raises InputError for a score or a label that can't be judged by, and for runs that are
    unfinished, damaged or of another split.
    """
    started = time.monotonic()
    asked = [ScoreName.parse(text, where=item.id) for text in item.scores]
    if any(name.part == "test" for name in asked):
        raise InputError(
            f"{item.id}: the test part is sealed. A study looks at it once, at its end, as its "
            "plan says under [finally]."
        )
    if not item.runs:
        raise InputError(f"{item.id}: none of its runs has finished, so nothing can be judged.")
    run_dirs = [find_experiments(folder) / run for run in item.runs]
    split = read_item_split(item, plan)
    runs = [JudgedRun(read_run_predictions(path, "val", split)) for path in run_dirs]
    yield ItemResult(
        outcome="finished",
        seconds=round(time.monotonic() - started, 3),
        scores=measure_asked(runs, asked),
        details=_describe(run_dirs, runs),
    )


def _describe(run_dirs: Sequence[Path], runs: Sequence[JudgedRun]) -> dict[str, Any]:
    """What the scores rest on: images, patients and positives, seeds, thresholds of calls."""
    first = runs[0].labelled
    return {
        "images": len(first),
        "patients": len(np.unique(first.patient_ids)),
        "positives": dict(zip(first.vocabulary, map(int, first.positives), strict=True)),
        "seeds": [RunFolder(path).settings.seed for path in run_dirs],
        "thresholds": _average_thresholds(runs, first),
    }


def _average_thresholds(
    runs: Sequence[JudgedRun], first: LabelledPredictions
) -> dict[str, float | None]:
    table = np.array([run.calls.thresholds for run in runs])
    means = {name: macro_mean(table[:, c])[0] for c, name in enumerate(first.vocabulary)}
    return {name: None if mean != mean else mean for name, mean in means.items()}
