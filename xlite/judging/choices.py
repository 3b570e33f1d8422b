"""The ledger of looks and choices: what a validation set has already decided.

Each choice makes the score of what was chosen a little too good. What choices leave in files anyway
is counted there: the best epochs of runs, the decisions of studies. What would be gone with the
next command, comparisons, ablations, fitted thresholds and looks, is noted in one file of the
experiments folder. A validation set is known by its images and patients, as a test set is, so that
a split that was made again under another name has no fresh one.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from filelock import FileLock

from xlite.errors import InputError
from xlite.files import write_json
from xlite.judging.labelled_predictions import LabelledPredictions
from xlite.judging.sealed_test import digest_test_set
from xlite.places import STUDIES, STUDY_RECORD
from xlite.results.selection import Choice, ChoiceKind, ChoiceLedger, SeedLook, ValidationUse
from xlite.results.study import Study
from xlite.run_folder.file_names import RUNS
from xlite.run_folder.listing import find_run_folders
from xlite.studies.progress import current_time
from xlite.tables.manifest import Manifest

VAL_CHOICES = "val_choices.json"
CHOOSING: Final = ("comparison", "ablation")
"""The kinds of uses that choose the best of several."""

_LOCK = ".val_choices.lock"
_DECIDING = ("keep:", "promote:", "rule:", "winner")
"""How the subjects of a study's decisions begin that go by scores."""


def record_choice(
    folder: Path,
    images: LabelledPredictions | Manifest,
    command: str,
    *,
    kind: ChoiceKind,
    names: Sequence[str],
    chosen: str | None = None,
    split_sha256: str | None = None,
    growth: SeedLook | None = None,
) -> ValidationUse:
    """How often the validation set of these images has been used, after noting this use of it.

    folder: the experiments folder. kind: a look alone, or what was chosen. names: what was looked
    at or chosen from. growth: of runs whose seeds are added one by one, which look it was. Raises
    InputError for a ledger that is damaged.
    """
    choice = Choice(
        time=current_time(),
        command=command,
        kind=kind,
        val_set=digest_test_set(images),
        split_sha256=split_sha256,
        names=tuple(names),
        chosen=chosen,
        growth=growth,
    )
    folder.mkdir(parents=True, exist_ok=True)
    # Two commands that choose at the same time are two choices.
    with FileLock(folder / _LOCK):
        noted = (*read_choices(folder), choice)
        write_json(folder / VAL_CHOICES, ChoiceLedger(choices=noted).to_json())
    return count_choices(folder, split_sha256, val_set=choice.val_set)


def count_choices(
    folder: Path, split_sha256: str | None, *, val_set: str | None = None
) -> ValidationUse:
    """How often a validation set has been used by what lies in an experiments folder.

    split_sha256: of its table in the split. val_set: the digest of its images and patients, where
    that is known; others of its tables are found by it. Runs and studies that can't be read are
    not counted. Raises InputError for a ledger that is damaged.
    """
    noted = read_choices(folder)
    sets = {val_set} | {one.val_set for one in noted if one.split_sha256 == split_sha256}
    sets -= {None}
    mine = [one for one in noted if one.val_set in sets]
    tables = {split_sha256, *(one.split_sha256 for one in mine)} - {None}
    epochs = _count_epochs(folder, tables)
    distinct = list({one.key: one for one in mine}.values())
    chosen = [one.names for one in distinct if one.kind in CHOOSING]
    return ValidationUse(
        runs=len(epochs),
        epochs=sum(epochs.values()),
        thresholds=sum(one.kind == "thresholds" for one in mine),
        comparisons=len(chosen),
        compared=sum(map(len, chosen)),
        decisions=_count_decisions(folder, set(epochs)),
        looks=sum(one.kind != "thresholds" for one in distinct),
    )


def _count_epochs(folder: Path, tables: set[str | None]) -> dict[str, int]:
    """The finished epochs of each run by its name, of those that such a table has judged."""
    epochs = {}
    for run in find_run_folders(folder / RUNS):
        try:
            if run.config.data.split_sha256.get("val") in tables and run.history:
                epochs[run.name] = len(run.history)
        except InputError:
            continue
    return epochs


def _count_decisions(folder: Path, runs: set[str]) -> int:
    count = 0
    for path in sorted((folder / STUDIES).glob(f"*/{STUDY_RECORD}")):
        try:
            study = Study.read(path, remedy="")
        except InputError:
            continue
        if runs & _list_runs(study):
            subjects = [one.subject for one in study.decisions if one.who == "rule"]
            count += sum(subject.startswith(_DECIDING) for subject in subjects)
    return count


def _list_runs(study: Study) -> set[str]:
    names = {Path(run).name for one in study.experiments for run in one.runs}
    trials = [trial for search in study.searches for trial in search.trials]
    return names | {Path(run).name for trial in trials for run in trial.runs}


def read_choices(folder: Path) -> tuple[Choice, ...]:
    """What is noted in an experiments folder, oldest first; InputError for a damaged ledger."""
    path = folder / VAL_CHOICES
    # lexists: choices that are a link to nothing are lost, not none.
    if not os.path.lexists(path):
        return ()
    remedy = "Restore it from a backup; without it choices can't be counted."
    return ChoiceLedger.read(path, remedy=remedy).choices
