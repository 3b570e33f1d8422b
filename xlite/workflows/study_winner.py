"""The winner of a study: its runs, and the files that are made of them under names of the plan.

Nothing is written over what somebody else has put there: a settings file of ours says so in its
first line, and weights of ours have a note beside them that knows their sum.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from xlite.errors import InputError
from xlite.files import atomic_path, sha256_of_file, write_json, write_text
from xlite.ownership import refuse_links, require_replaceable_file, require_writable_folder
from xlite.results.study import Study, WeightsNote
from xlite.run_folder.folder import RunFolder
from xlite.settings.settings_text import render_settings_file
from xlite.studies.study_plan import StudyPlan
from xlite.studies.study_state import StudyState
from xlite.studies.summary.trained_items import RunKey, finished_runs, list_trained_items
from xlite.studies.summary.tree import describe_score

_FIRST_LINE: Final = "Written by xlite for a study, and written anew by the next one."
_NOTE_SUFFIX: Final = ".study.json"


@dataclass(frozen=True, kw_only=True)
class Winner:
    """What won, with its finished runs."""

    id: str
    """An experiment's, or a trial's as `PHASE/NUMBER`."""
    runs: Mapping[RunKey, RunFolder]
    """By seed and fold, in their order: at least one."""
    split: Path
    files: Mapping[str, Path]
    """By option, the files of weights that its runs began with."""

    @property
    def first(self) -> RunFolder:
        """The run of the first seed (and fold): the one whose weights stand for the winner."""
        return next(iter(self.runs.values()))

    def describe(self, study: Study) -> str:
        """What it is and which score it has, in words."""
        kind = "trial" if study.find_experiment(self.id) is None else "experiment"
        scores = ", ".join(
            describe_score(name, score) for name, score in study.scores_of(self.id).items()
        )
        return f"{kind} {self.id}: {scores}"


def find_winner(name: str, experiments: Path, plan: StudyPlan, state: StudyState) -> Winner:
    """The winner of that id; InputError when none of its runs is finished."""
    finished = finished_runs(list_trained_items(state).get(name, ()))
    if not finished:
        raise InputError(f"{name} won, and no run of it is finished. Train it with `xlite train`.")
    owner = next(
        one
        for group in (plan.experiments, plan.phases)
        for one in group
        if one.id == owner_of(name)
    )
    files = {"weights": owner.weights, "warm_start": owner.warm_start}
    return Winner(
        id=name,
        runs={key: RunFolder(experiments / finished[key]) for key in sorted(finished, key=_rank)},
        split=owner.split or plan.split,
        files={option: path for option, path in files.items() if path is not None},
    )


def owner_of(name: str) -> str:
    """The experiment, or the phase of a trial.

    >>> owner_of("2.1"), owner_of("search/12")
    ('2.1', 'search')
    """
    return name.partition("/")[0]


def write_winner_settings(winner: Winner, study: Study, path: Path) -> None:
    """Write the winner's settings as a file for `--config`; InputError where another file is."""
    require_replaceable_file(
        path, is_ours=_is_settings_file, option="path as `settings` in the plan", overwrite=None
    )
    seeds = ", ".join(str(seed) for seed in sorted({key.seed for key in winner.runs}))
    remarks = [
        _FIRST_LINE,
        f"Study {study.name}, {winner.describe(study)}; seeds {seeds}.",
        f"xlite train --config {path.as_posix()}",
    ]
    write_text(
        path, render_settings_file(winner.first.settings, remarks=remarks, files=winner.files)
    )


def copy_winner_weights(winner: Winner, study: Study, path: Path) -> WeightsNote:
    """Copy the weights of the winner's first run to `path`, with a note beside them.

    InputError where a file is that no study has put there. What is there already is left.
    """
    source = winner.first.find_weights()
    digest = sha256_of_file(source)
    note_path = path.with_name(path.name + _NOTE_SUFFIX)
    require_writable_folder(path.parent, option="path as `weights` in the plan")
    refuse_links([path, note_path], option="path as `weights` in the plan")
    if not path.exists() or sha256_of_file(path) != digest:
        _require_ours(path, note_path)
        with atomic_path(path) as temporary:
            shutil.copyfile(source, temporary)
    key = next(iter(winner.runs))
    note = WeightsNote(
        sha256=digest,
        study=study.name,
        winner=winner.id,
        run=winner.first.name,
        seed=key.seed,
        fold=key.fold,
    )
    write_json(note_path, note.to_json())
    return note


def _require_ours(path: Path, note_path: Path) -> None:
    """Raise InputError unless the weights are absent, or those that the note beside them is of."""
    if not path.exists():
        return
    remedy = "Name another path as `weights` in the plan, or move the file away."
    if note_path.is_file():
        note = WeightsNote.read(note_path, remedy=remedy)
        if path.is_file() and sha256_of_file(path) == note.sha256:
            return
    raise InputError(f"{path} was not written by a study, and is not replaced. {remedy}")


def _is_settings_file(head: bytes) -> bool:
    return head.startswith(f"# {_FIRST_LINE}\n".encode())


def _rank(key: RunKey) -> tuple[int, int]:
    return key.seed, -1 if key.fold is None else key.fold
