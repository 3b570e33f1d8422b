"""The scores of an evaluation with their intervals, judged again as they were asked for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from xlite.errors import InputError
from xlite.judging.evaluation import Resampling
from xlite.judging.evaluation_task import EvaluationTask
from xlite.judging.judged_predictions import JudgedPredictions
from xlite.judging.labelled_predictions import GROUP_COLUMNS
from xlite.judging.threshold_choice import ThresholdChoice
from xlite.places import VALIDATION
from xlite.proving.project import BundledProject
from xlite.proving.replay import Replayed, keep
from xlite.results.evaluation import Evaluation, Question

if TYPE_CHECKING:
    from xlite.judging.shortcut_floor import FloorQuestion

_TIMES = ("choices", "test_looks")
"""How often there was a look: a count of what happened, told in the ledgers of looks."""
_OF_IMAGES = ("tta", "border_probe", "plan", "external", "seen_patients")
_FLOOR = ("shortcut_floor", "within_view")


def replay_evaluation(project: BundledProject, path: Path, stated: dict[str, Any]) -> Replayed:
    """`scores.json` of an evaluation of a run on a part of its own split.

    Raises InputError where it is of other images, or at thresholds of a file.
    """
    before = Evaluation.from_json(stated)
    asked = before.asked
    _require_of_own_part(before)
    run = project.run(before.name)
    split, part = project.split_of(run), str(before.part)
    judged = JudgedPredictions(
        labelled=project.labelled(run.name, part), split=split, part=part, run_dir=run.path
    )
    choice = ThresholdChoice(fit=asked.fit, calibrate=asked.calibrate)
    val = None
    if judged.takes_thresholds_of_validation:
        val = project.labelled(run.name, VALIDATION)
    kept = [*_TIMES, *_OF_IMAGES]
    knows_columns = set(asked.by) <= set(GROUP_COLUMNS)
    if not knows_columns:
        kept += ["subgroups"]
    floor = _ask_floor(project, before, judged)
    if floor is None:
        kept += _FLOOR
    task = EvaluationTask(
        judged,
        choice,
        Resampling(num_resamples=asked.num_resamples, seed=asked.seed, level=asked.level),
        by=asked.by if knows_columns else (),
        subgroups=asked.subgroups if knows_columns else False,
        floor=floor,
        floor_mark=asked.floor,
    )
    found = task.judge(choice.call(judged, val=val)).to_json()
    # What was asked besides is in no bundle; what is judged is.
    found["asked"] = {**asked.to_json(), "cases": task.question.cases}
    found = {key: value for key, value in found.items() if key not in kept}
    found |= keep(stated, kept)
    return Replayed(found=found, stated=tuple(key for key in kept if key in stated))


def _require_of_own_part(evaluation: Evaluation) -> None:
    asked: Question = evaluation.asked
    if asked.thresholds is not None:
        raise InputError("its thresholds are of a file that is not part of the project")
    if evaluation.external is not None or evaluation.part is None:
        raise InputError("its images are of another table, which is not part of the project")
    if evaluation.part not in (VALIDATION, "test"):
        raise InputError("it is of several runs, out of fold")


def _ask_floor(
    project: BundledProject, evaluation: Evaluation, judged: JudgedPredictions
) -> FloorQuestion | None:
    """What the split's own columns say; None where the floor was asked of others, or not at all."""
    if evaluation.asked.floor is not None:
        return None
    floor = evaluation.shortcut_floor
    if floor is not None and not set(floor.columns) <= set(GROUP_COLUMNS):
        return None
    return project.ask_floor(judged)
