"""The one look of a study at the sealed test part, at its winner alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from xlite.errors import InputError
from xlite.files import write_json
from xlite.judging.asked_scores import LEVEL, JudgedRun, measure_asked
from xlite.judging.labelled_predictions import LabelledPredictions, read_run_predictions
from xlite.judging.looks_at_test import look_at_test
from xlite.places import SEALED_LOOK
from xlite.results.study import SealedLook, Study, StudyScore
from xlite.splitting.checked_split import read_checked_split
from xlite.studies.study_plan import ScoreName, StudyPlan
from xlite.workflows.study_winner import Winner

_SCORES = ("auroc", "average_precision")


def look_once(winner: Winner, study: Study, plan: StudyPlan, folder: Path) -> SealedLook:
    """The winner's test scores, written to the study's folder and noted as a look.

    Taken up again after it was cut off it is the same look. Raises InputError for folds, which
    leave no test part, and where the runs' predictions can't be read.
    """
    if any(key.fold is not None for key in winner.runs):
        raise InputError(
            f"{winner.split} is folds: every image has served to choose the winner, and no test "
            "part is left to look at. Hold one out before the study."
        )
    parts = read_checked_split(winner.split, plan.labels)
    runs = {key.seed: run.path for key, run in winner.runs.items()}
    looks = look_at_test(
        {winner.id: runs}, parts, command=f"study {study.name}: test", is_once=True
    )
    judged = [JudgedRun(read_run_predictions(path, "test", parts)) for path in runs.values()]
    images = judged[0].labelled
    measured = measure_asked(judged, _list_scores(plan, images))
    look = SealedLook(
        winner=winner.id,
        images=len(images),
        patients=len(np.unique(images.patient_ids)),
        looks=max(one.looks for one in looks),
        level=LEVEL,
        scores={
            name: StudyScore(point=score.point, low=score.low, high=score.high)
            for name, score in measured.items()
        },
        by_seed=tuple(looks),
    )
    write_json(folder / SEALED_LOOK, look.to_json())
    return look


def _list_scores(plan: StudyPlan, images: LabelledPredictions) -> list[ScoreName]:
    """AUROC, average precision, and what the winner was chosen by, of labels that can be judged."""
    asked = [ScoreName("test", score) for score in _SCORES]
    asked += [
        ScoreName("test", one.score, one.label) for one in (plan.finish.score, *plan.finish.then)
    ]
    positives = dict(zip(images.vocabulary, images.positives, strict=True))
    return [name for name in dict.fromkeys(asked) if name.label is None or positives[name.label]]
