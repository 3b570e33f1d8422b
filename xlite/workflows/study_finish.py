"""What a study does once, after all else has ended: work items of kind `finish`.

Each can be performed again, after a crash say, and leaves the same files.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from xlite import console
from xlite.errors import InputError, XliteError
from xlite.files import write_text
from xlite.judging.choices import count_choices
from xlite.judging.labelled_predictions import read_run_predictions
from xlite.places import MODEL_CARD, SEALED_LOOK, STUDIES, VALIDATION
from xlite.reporting.begun_studies import read_study_files
from xlite.reporting.floored_run import FlooredRun
from xlite.reporting.model_card import render_card
from xlite.results.study import Study
from xlite.splitting.checked_split import read_checked_split
from xlite.splitting.folds_folder import is_folds
from xlite.studies.folder import StudyFolder
from xlite.studies.item_result import ItemResult
from xlite.studies.ledger import Ledger
from xlite.studies.recorded_plan import find_folds
from xlite.studies.rules.standing import Standing
from xlite.studies.study_plan import StudyPlan
from xlite.studies.study_state import StudyState
from xlite.studies.summary.study import find_baseline, write_study_record
from xlite.studies.work_item import WorkItem
from xlite.workflows.report import report
from xlite.workflows.run_floor import find_floor
from xlite.workflows.study_comparison import compare_study
from xlite.workflows.study_folder import find_experiments
from xlite.workflows.study_sealed_look import look_once
from xlite.workflows.study_winner import (
    Winner,
    copy_winner_weights,
    find_winner,
    write_winner_settings,
)

if TYPE_CHECKING:
    from xlite.settings import Runtime
    from xlite.signals import StopRequest

REPORT: Final = "report.html"
NO_IMPROVEMENT: Final = "No improvement: nothing won, and what was in use before stays in use."

_Details = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class _Ending:
    """A study that has come to its end, and the plan that it followed."""

    folder: StudyFolder
    plan: StudyPlan
    state: StudyState
    study: Study
    winner: Winner | None


def finish_item(
    item: WorkItem, folder: StudyFolder, plan: StudyPlan, *, runtime: Runtime, stop: StopRequest
) -> Iterator[ItemResult]:
    """Do an item of kind `finish`; yields the result. It takes no notice of `stop`: it is short."""
    # Not the folder's ledger: how far that has been read is what its agent goes by.
    ledger = Ledger(folder.ledger.folder)
    ledger.refresh()
    started = time.monotonic()
    result = finish(item, folder, plan, StudyState.of(ledger.entries))
    yield replace(result, seconds=round(time.monotonic() - started, 3))


def finish(item: WorkItem, folder: StudyFolder, plan: StudyPlan, state: StudyState) -> ItemResult:
    """How one action of `[finally]` ended, with the file that it has written in its details.

    item: its subject is a field of `Finally`, its winner the experiment or trial that won; without
    a winner nothing is written in its name, and the details say so. What can't be done, a foreign
    file in the way say, is a failed result, whose error says what to do. Before the action the
    study's `study.json` is brought up to date.
    """
    # As the project sees it: what is written says nothing of this machine's paths.
    folder = StudyFolder(find_experiments(folder) / STUDIES / folder.path.name)
    study = write_study_record(folder, Standing(plan, state, find_folds(plan, Path())))
    try:
        won = find_winner(item.winner, folder.experiments, plan, state) if item.winner else None
        ending = _Ending(folder=folder, plan=plan, state=state, study=study, winner=won)
        details = _ACTIONS[item.subject](ending)
    except XliteError as error:
        return ItemResult(outcome="failed", error=str(error))
    if won is not None and won.id == find_baseline(plan) and len(plan.experiments) > 1:
        details["note"] = f"No improvement: the baseline {won.id} stays."
    return ItemResult(outcome="finished", details=details)


def _compare(ending: _Ending) -> _Details:
    return compare_study(
        ending.study,
        ending.plan,
        ending.state,
        ending.folder.path,
        ending.folder.experiments,
    )


def _of_winner(action: Callable[[_Ending, Winner], _Details]) -> Callable[[_Ending], _Details]:
    """The action where there is a winner, and a note where there is none."""

    def act(ending: _Ending) -> _Details:
        if ending.winner is None:
            return {"note": NO_IMPROVEMENT}
        return action(ending, ending.winner)

    return act


def _write_settings(ending: _Ending, winner: Winner) -> _Details:
    path = _require(ending.plan.finish.settings)
    write_winner_settings(winner, ending.study, path)
    return {"file": path.as_posix()}


def _copy_weights(ending: _Ending, winner: Winner) -> _Details:
    path = _require(ending.plan.finish.weights)
    note = copy_winner_weights(winner, ending.study, path)
    return {"file": path.as_posix(), "run": note.run, "seed": note.seed, "sha256": note.sha256}


def _write_card(ending: _Ending, winner: Winner) -> _Details:
    folder, floor = ending.folder.path, _find_floor(winner, ending.plan)
    write_text(folder / MODEL_CARD, make_study_card(folder, winner, floor=floor))
    return {"file": MODEL_CARD}


def make_study_card(folder: Path, winner: Winner, *, floor: FlooredRun | None) -> str:
    """The card of a study's winner as Markdown, of what lies in the study's folder.

    floor: of the winner's first run; None where it could not be measured.
    """
    files = read_study_files(folder)
    val = winner.first.data.split_sha256.get(VALIDATION)
    use = None if val is None else count_choices(StudyFolder(folder).experiments, val)
    return render_card(files, list(winner.runs.values()), use=use, floor=floor)


def _find_floor(winner: Winner, plan: StudyPlan) -> FlooredRun | None:
    """That of the run whose weights count; None over folds, and where it can't be measured."""
    if is_folds(winner.split) or winner.first.data.split_sha256.get(VALIDATION) is None:
        return None
    try:
        split = read_checked_split(winner.split, plan.labels)
        return find_floor(read_run_predictions(winner.first.path, VALIDATION, split), split)
    except InputError as error:
        # Files may have gone since the runs were judged, and all else of the card is known.
        console.warn(f"{MODEL_CARD} has no floor: {error}")
        return None


def _look_at_test(ending: _Ending, winner: Winner) -> _Details:
    look = look_once(winner, ending.study, ending.plan, ending.folder.path)
    scores = {name: score.to_json() for name, score in look.scores.items()}
    return {"file": SEALED_LOOK, "looks": look.looks, "scores": scores}


def _write_report(ending: _Ending) -> _Details:
    plan = ending.plan
    path = ending.folder.path / REPORT
    page = report(path, experiments=ending.folder.experiments, split=plan.split, cache=plan.cache)
    return {"file": REPORT, "bytes": page.bytes}


def _require(path: Path | None) -> Path:
    assert path is not None, "an item is made of what the plan names"
    return path


_ACTIONS: dict[str, Callable[[_Ending], _Details]] = {
    "compare": _compare,
    "report": _write_report,
    "card": _of_winner(_write_card),
    "settings": _of_winner(_write_settings),
    "weights": _of_winner(_copy_weights),
    "test": _of_winner(_look_at_test),
}
