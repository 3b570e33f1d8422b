"""A study's work items of kind `judge`: the runs of an experiment, judged together."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from xlite.errors import InputError
from xlite.judging.asked_runs import Trained, read_judged_runs
from xlite.judging.asked_scores import JudgedRun, measure_asked
from xlite.judging.labelled_predictions import LabelledPredictions
from xlite.scores.ranking import macro_mean
from xlite.studies.item_result import ItemResult
from xlite.studies.ledger_entries import Score
from xlite.studies.study_plan import ScoreName, StudyPlan
from xlite.workflows.study_data import read_item_split
from xlite.workflows.study_folder import find_experiments

if TYPE_CHECKING:
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
    scores: dict[str, Score] = {}
    details: dict[str, Any] = {}
    for part in dict.fromkeys(name.part for name in asked):
        runs = read_judged_runs(run_dirs, split, part, where=item.id)
        found = measure_asked(list(runs.values()), [one for one in asked if one.part == part])
        scores |= found
        details = details or {"part": part, **_describe(runs)}
    yield ItemResult(
        outcome="finished",
        seconds=round(time.monotonic() - started, 3),
        scores=scores,
        details=details,
    )


def _describe(judged: Mapping[Trained, JudgedRun]) -> dict[str, Any]:
    """What the scores rest on: images, patients and positives, seeds, thresholds of calls."""
    runs = list(judged.values())
    first = runs[0].labelled
    return {
        "images": len(np.unique(first.image_ids)),
        "patients": len(np.unique(first.patient_ids)),
        "positives": dict(zip(first.vocabulary, map(int, first.positives), strict=True)),
        "seeds": list(dict.fromkeys(seed for seed, _ in judged)),
        "repeats": len({repeat for _, repeat in judged}),
        "thresholds": _average_thresholds(runs, first),
    }


def _average_thresholds(
    runs: Sequence[JudgedRun], first: LabelledPredictions
) -> dict[str, float | None]:
    table = np.array([run.calls.thresholds for run in runs])
    means = {name: macro_mean(table[:, c])[0] for c, name in enumerate(first.vocabulary)}
    return {name: None if mean != mean else mean for name, mean in means.items()}
