"""The one look of a study at the sealed test part, at its winner alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from xlite.errors import InputError
from xlite.files import write_json
from xlite.judging.labelled_predictions import read_run_predictions
from xlite.judging.looks_at_test import look_at_test
from xlite.judging.methods import Method
from xlite.judging.paired_differences import JudgedMethods, judge_methods
from xlite.places import SEALED_LOOK
from xlite.results.study import SealedLook, Study, StudyScore
from xlite.scores.bootstrap import macro_interval
from xlite.splitting.checked_split import read_checked_split
from xlite.studies.study_plan import StudyPlan
from xlite.workflows.study_winner import Winner

_SCORES = ("auroc", "average_precision")
"""Those that need no threshold."""


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
    judged = judge_methods(
        [
            Method(
                name=winner.id,
                predictions={
                    seed: read_run_predictions(path, "test", parts) for seed, path in runs.items()
                },
            )
        ]
    )
    look = SealedLook(
        winner=winner.id,
        images=len(judged.reference),
        patients=len(np.unique(judged.reference.patient_ids)),
        looks=max(one.looks for one in looks),
        level=judged.resampling.level,
        scores={f"test.{score}": _score(judged, winner.id, score) for score in _SCORES},
        by_seed=tuple(looks),
    )
    write_json(folder / SEALED_LOOK, look.to_json())
    return look


def _score(judged: JudgedMethods, name: str, score: str) -> StudyScore:
    """The macro mean over the seeds, with its interval: other patients, the same seeds."""
    columns, rows = judged.macro_columns, list(judged.rows(name).values())
    low, high = macro_interval(
        judged.mean_scores(name)[score][columns],
        judged.resampled[score][rows].mean(axis=0)[:, columns],
        judged.patients.freedom[columns],
        level=judged.resampling.level,
    )
    return StudyScore(
        point=_defined(judged.macro(name, score)), low=_defined(low), high=_defined(high)
    )


def _defined(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
