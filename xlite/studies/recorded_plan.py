"""The plan that a study goes by: the one in its ledger, whatever became of the file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from xlite.errors import InputError
from xlite.splitting.folds_folder import is_folds, read_folds
from xlite.studies.folder import StudyFolder
from xlite.studies.next_step import Step
from xlite.studies.plan_file import parse_plan
from xlite.studies.rules.next_step import find_next_step
from xlite.studies.rules.standing import Standing
from xlite.studies.study_plan import StudyPlan
from xlite.studies.study_state import StudyState


class RecordedPlan:
    """The plan in force in any state of a study's ledger, read once a change."""

    def __init__(self, folder: StudyFolder) -> None:
        """Nothing is read yet."""
        self._folder = folder
        self._num_read = -1
        self._plan = StudyPlan(name="")
        self._folds: Mapping[Path, int] = {}

    def of(self, state: StudyState) -> StudyPlan:
        """The plan that the study began with, or its last change."""
        if len(state.changes) != self._num_read:
            self._read(state)
        return self._plan

    def find_step(self, state: StudyState, *, most_ready: int | None = None) -> Step:
        """What can be done now; see `find_next_step`."""
        return find_next_step(self.of(state), state, folds=self._folds, most_ready=most_ready)

    def standing(self, state: StudyState) -> Standing:
        """Where each part of the plan stands."""
        return Standing(self.of(state), state, self._folds)

    def _read(self, state: StudyState) -> None:
        text, base = texts_in_force(state)
        root = find_root(self._folder, state)
        self._plan = parse_plan(text, base, where=f"{state_name(state)}.toml", root=root)
        self._folds = find_folds(self._plan, root)
        self._num_read = len(state.changes)


def find_folds(plan: StudyPlan, root: Path) -> dict[Path, int]:
    """How many folds there are in each split of the plan that is made of them, from `root`."""
    own = [one.split for one in plan.experiments] + [phase.split for phase in plan.phases]
    splits = {plan.split, *(split for split in own if split is not None)}
    return {
        split: len(read_folds(root / split).splits) for split in splits if is_folds(root / split)
    }


def texts_in_force(state: StudyState) -> tuple[str, str | None]:
    """The text of the plan, and that of the settings file it names."""
    assert state.begin is not None
    last = state.changes[-1] if state.changes else state.begin
    return last.plan, last.base


def state_name(state: StudyState) -> str:
    """What the study is called."""
    assert state.begin is not None
    return state.begin.name


def find_root(folder: StudyFolder, state: StudyState) -> Path:
    """The folder that the plan's paths start from, as this machine sees it.

    Raises InputError where it is not there: the ledger knows the way to it from the study's folder.
    """
    assert state.begin is not None
    root = (folder.path.resolve() / state.begin.root).resolve()
    if not root.is_dir():
        raise InputError(
            f"the study's paths start from {root}, which does not exist. Move or mount the whole "
            "project, its study's folder being where it was in it."
        )
    return root


def read_state(folder: StudyFolder) -> StudyState:
    """Where a study stands now.

    Raises InputError where no study has begun, and for a ledger that is damaged.
    """
    folder.require_begun()
    folder.ledger.refresh()
    folder.ledger.require_whole()
    state = StudyState.of(folder.ledger.entries)
    if state.begin is None:
        raise InputError(
            f"{folder.ledger.path_of(1)} does not begin a study. Restore the ledger from a copy."
        )
    return state
