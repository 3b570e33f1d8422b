"""A study of an unpacked bundle: its ledger, its plan, and where it stood before each entry."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from xlite.errors import InputError
from xlite.studies.folder import StudyFolder
from xlite.studies.ledger_entries import Entry
from xlite.studies.next_step import Step
from xlite.studies.plan_file import parse_plan
from xlite.studies.recorded_plan import read_state, state_name, texts_in_force
from xlite.studies.rules.next_step import find_next_step
from xlite.studies.rules.standing import Standing
from xlite.studies.study_plan import StudyPlan
from xlite.studies.study_state import StudyState

_OF_A_FOLD = re.compile(r":s\d+:f\d+")


@dataclass(frozen=True)
class BundledStudy:
    """A study by its folder in the bundle; what is wrong with it is an InputError."""

    path: Path

    @cached_property
    def _folder(self) -> StudyFolder:
        return StudyFolder(self.path)

    @cached_property
    def entries(self) -> Sequence[Entry]:
        """All entries of the ledger in their order."""
        read_state(self._folder)
        return tuple(self._folder.ledger.entries)

    @cached_property
    def _states(self) -> dict[int, StudyState]:
        return {}

    @cached_property
    def _plans(self) -> dict[tuple[str, str | None], StudyPlan]:
        return {}

    def state(self, count: int | None = None) -> StudyState:
        """Where the study stood after so many entries, by default after all."""
        count = len(self.entries) if count is None else count
        if count not in self._states:
            self._states[count] = StudyState.of(self.entries[:count])
        return self._states[count]

    def plan(self, state: StudyState) -> StudyPlan:
        """The plan in force, without a look at files of weights."""
        texts = texts_in_force(state)
        if texts not in self._plans:
            where = f"{state_name(state)}.toml"
            self._plans[texts] = parse_plan(*texts, where=where, root=None)
        return self._plans[texts]

    def step_after(self, count: int) -> Step:
        """What there was to do after so many entries."""
        self.require_single_splits()
        state = self.state(count)
        return find_next_step(self.plan(state), state)

    def standing(self) -> Standing:
        """Where each part of the plan stands at the end."""
        self.require_single_splits()
        return Standing(self.plan(self.state()), self.state(), {})

    def require_single_splits(self) -> None:
        """Raise InputError for a study over folds, whose number no bundle keeps."""
        if any(_OF_A_FOLD.search(item) for item in self.state().items):
            raise InputError("the study is over folds")
