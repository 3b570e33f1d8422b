"""The entries of a study's ledger: decisions replayed, scores of items measured again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from xlite.errors import InputError
from xlite.judging.asked_scores import JudgedRun, measure_asked
from xlite.proving.bundled_study import BundledStudy
from xlite.proving.project import BundledProject
from xlite.proving.replay import Replayed
from xlite.studies.ledger_entries import Decision, End, Score
from xlite.studies.study_plan import ScoreName
from xlite.training.schedule import find_best_epoch

_DECIDED = ("choice", "why", "saw")


def replay_entry(project: BundledProject, path: Path, stated: dict[str, Any]) -> Replayed:
    """An entry of a ledger: what a rule decided, or what an item that ended has reached."""
    study = project.study(path.parent.parent)
    number = int(path.stem)
    entry = study.entries[number - 1]
    found = dict(stated)
    recomputed: set[str] = set()
    if isinstance(entry, Decision):
        found |= _decide_again(study, number, entry)
        recomputed = set(_DECIDED)
    elif isinstance(entry, End) and entry.scores:
        scores = _measure_again(project, study, number, entry)
        if scores is not None:
            found["scores"] = {name: one.model_dump(mode="json") for name, one in scores.items()}
            recomputed = {"scores"}
    return Replayed(found=found, stated=tuple(key for key in stated if key not in recomputed))


def _decide_again(study: BundledStudy, number: int, entry: Decision) -> dict[str, Any]:
    """What the rules decide from the entries before; InputError where they decide nothing."""
    for due in study.step_after(number - 1).decisions:
        if due.subject == entry.subject:
            return {"choice": due.choice, "why": due.why, "saw": list(due.saw)}
    raise InputError(f"no rule decides {entry.subject} from the entries before it")


def _measure_again(
    project: BundledProject, study: BundledStudy, number: int, entry: End
) -> dict[str, Score] | None:
    """The scores of an item that ended; None where they are of what is not in the bundle."""
    study.require_single_splits()
    if entry.item.startswith("judge:"):
        asked = [ScoreName.parse(name, where=entry.item) for name in entry.scores]
        item = next((one for one in _ready_before(study, number) if one.id == entry.item), None)
        if item is None:
            raise InputError(f"{entry.item} was not to be done then")
        runs = [JudgedRun(project.labelled(Path(run).name, asked[0].part)) for run in item.runs]
        return measure_asked(runs, asked)
    if entry.run is None or Path(entry.run).name not in project.runs:
        return None
    run = project.run(Path(entry.run).name)
    rows = run.history[: entry.epochs]
    best = find_best_epoch(run.settings, rows)
    if best < 0:
        return None
    columns = {name: _column_of(ScoreName.parse(name, where="")) for name in entry.scores}
    return {
        name: Score(point=None if (value := rows[best][column]) != value else value)
        for name, column in columns.items()
        if column in rows[best]
    }


def _column_of(name: ScoreName) -> str:
    score = "recall" if name.score == "sensitivity" else name.score
    return "_".join(filter(None, (name.part, score, name.label)))


def _ready_before(study: BundledStudy, number: int) -> Any:
    """The items that could be taken on when the one that ended at this entry was."""
    entry = study.entries[number - 1]
    assert isinstance(entry, End)
    claims = [
        place
        for place, one in enumerate(study.entries[: number - 1])
        if one.kind == "claim" and one.item == entry.item
    ]
    return study.step_after(claims[-1]).ready if claims else ()
