"""A study's `study.json` as far as its ledger goes, for page and log."""

from __future__ import annotations

import contextlib
from pathlib import Path

from xlite import console, places
from xlite.errors import InputError
from xlite.places import STUDIES, STUDY_RECORD
from xlite.reporting.experiment_log import update_experiment_log
from xlite.results.study import Study
from xlite.studies.folder import StudyFolder
from xlite.studies.recorded_plan import RecordedPlan, find_root, read_state
from xlite.studies.summary.study import write_study_record
from xlite.workflows.study_folder import find_experiments


def record_study(folder: StudyFolder) -> Study:
    """The study in short, which was written to its `study.json` unless that is up to date.

    Raises InputError for a ledger that can't be read, and where the plan's folder is not there.
    """
    state = read_state(folder)
    with contextlib.suppress(InputError):
        # The same ledger gives the same record.
        known = Study.read(folder.path / STUDY_RECORD, remedy="")
        if known.entries == state.num_entries:
            return known
    plan = RecordedPlan(folder)
    waiting = [ask.id for ask in plan.find_step(state).waiting_for]
    return write_study_record(folder, plan.standing(state), open_questions=waiting)


def record_in_log(folder: StudyFolder) -> Study:
    """The study in short, after `study.json` and the experiment log were brought up to date."""
    study = record_study(folder)
    with contextlib.chdir(find_root(folder, read_state(folder))):
        experiments = find_experiments(folder)
        update_experiment_log(places.experiment_log_path(experiments), experiments)
    return study


def record_studies(experiments: Path) -> None:
    """Bring the records of all studies of an experiments folder up to date; say which can't be."""
    for path in sorted((experiments / STUDIES).glob("*/ledger")):
        try:
            record_study(StudyFolder(path.parent))
        except (InputError, OSError) as error:
            # On an archive that can't be written to the page is of what was known.
            console.warn(f"the study {path.parent.name} is shown as it was: {error}")
