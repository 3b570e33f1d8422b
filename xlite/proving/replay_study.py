"""A study in short, its verdicts and its look at the test part, found again from its ledger."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from xlite.errors import InputError
from xlite.files import read_json
from xlite.judging.asked_scores import LEVEL, JudgedRun, measure_asked
from xlite.judging.comparison import COMPARISON_RECORD
from xlite.judging.evaluation import Resampling
from xlite.judging.looks_at_test import score_look
from xlite.judging.study_verdicts import judge_against
from xlite.places import VALIDATION
from xlite.proving.judged_runs import judge_runs
from xlite.proving.project import BundledProject
from xlite.proving.replay import Replayed
from xlite.results.comparison import Comparison
from xlite.results.study import SealedLook, StudyScore, StudyVerdicts
from xlite.studies.study_plan import ScoreName
from xlite.studies.summary.study import summarise_study
from xlite.studies.summary.trained_items import finished_runs, list_trained_items


def replay_study(project: BundledProject, path: Path, stated: dict[str, Any]) -> Replayed:
    """`study.json`, which its ledger comes to."""
    study = project.study(path.parent)
    waiting = [ask.id for ask in study.step_after(len(study.entries)).waiting_for]
    found = summarise_study(study.standing(), open_questions=waiting).to_json()
    return Replayed(found=found)


def replay_verdicts(project: BundledProject, path: Path, stated: dict[str, Any]) -> Replayed:
    """`verdicts.json`: each experiment against the baseline, by the runs of the comparison."""
    before = StudyVerdicts.from_json(stated)
    content = read_json(path.parent / COMPARISON_RECORD, remedy="")
    comparison = Comparison.from_json(content)
    if comparison.part != VALIDATION:
        raise InputError("it is of runs over folds, out of fold")
    resampling = Resampling(num_resamples=comparison.resamples, level=comparison.level)
    # In the order of the study's experiments, not that of their ranks.
    judged = judge_runs(project, comparison.runs, resampling)
    found = judge_against(before.baseline, judged, comparison.grown).to_json()
    return Replayed(found=found)


def replay_look(project: BundledProject, path: Path, stated: dict[str, Any]) -> Replayed:
    """`test_look.json`: the winner's scores on the test part; how many looks is as it was noted."""
    before = SealedLook.from_json(stated)
    study = project.study(path.parent)
    trained = list_trained_items(study.state())
    runs = {key.seed: Path(run).name for key, run in finished_runs(trained[before.winner]).items()}
    judged = [JudgedRun(project.labelled(run, "test")) for run in runs.values()]
    measured = measure_asked(judged, [ScoreName.parse(name, where="") for name in before.scores])
    labelled = judged[0].labelled
    looks = {one.seed: one.looks for one in before.by_seed}
    found = SealedLook(
        winner=before.winner,
        images=len(labelled),
        patients=len(set(labelled.patient_ids)),
        looks=before.looks,
        level=LEVEL,
        scores={
            name: StudyScore(point=one.point, low=one.low, high=one.high)
            for name, one in measured.items()
        },
        by_seed=tuple(
            score_look(
                before.winner,
                seed,
                project.labelled(run),
                project.labelled(run, "test"),
                looks=looks.get(seed, before.looks),
            )
            for seed, run in runs.items()
        ),
    )
    return Replayed(found=found.to_json(), stated=("looks",))
