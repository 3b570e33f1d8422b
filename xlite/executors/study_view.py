"""The runs of a study as `training_progress.json` and the table of results show them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from filelock import Timeout

from xlite import console
from xlite.errors import InputError
from xlite.executors.study_record import StudyRecord
from xlite.run_folder.folder import RunFolder
from xlite.studies.item_result import INTERNAL, ItemResult, ItemStart
from xlite.studies.outcome import Outcome, StudyRun
from xlite.studies.plan import PlannedRun
from xlite.training.state import EpochReport

if TYPE_CHECKING:
    from xlite.executors.agent import ItemNews
    from xlite.studies.ledger_entries import End
    from xlite.studies.work_item import WorkItem

_NO_RUNS: Final[Mapping[str, StudyRun]] = MappingProxyType({})
_RUNG = re.compile(r":e\d+$")
"""What an item's id says last of the epoch that it pauses at."""


class StudyView:
    """Keeps both files up to date with what one agent does, as `train` does with its runs.

    They are for people, and never end what they tell of: what is wrong with them is said once.
    """

    def __init__(self, experiments: Path, runs: Mapping[str, StudyRun] = _NO_RUNS) -> None:
        """Nothing is written before the first run. runs: those that are known before, by item."""
        self.record = StudyRecord(experiments)
        self._experiments = experiments
        self._runs = dict(runs)
        self._has_warned = False

    def __call__(self, item: WorkItem, news: ItemNews) -> None:
        """Note what came of an item; of other kinds than `train` nothing is noted."""
        if item.settings is None:
            return
        try:
            self._note(item, news)
        except (InputError, OSError, Timeout) as error:
            if not self._has_warned:
                self._has_warned = True
                console.warn(f"the progress of runs can't be kept: {error}")

    def _note(self, item: WorkItem, news: ItemNews) -> None:
        if isinstance(news, ItemStart) and item.id not in self._runs:
            assert item.settings is not None
            planned = PlannedRun(name_of(item), item.settings, item.has_fixed_budget, item.fold)
            self._runs[item.id] = StudyRun(planned, self._experiments / news.run)
        run = self._runs.get(item.id)
        if run is None:  # it ended before its folder was known
            return
        match news:
            case ItemStart():
                self.record.claim(run)
                self.record.start(run)
            case EpochReport():
                self.record.report(run, news)
            case None:
                self.record.interrupt(run)
            case ItemResult(outcome="paused"):
                self.record.pause(run)
            case ItemResult():
                self.record.end(run, outcome_of(run, news))


def outcome_of(run: StudyRun, end: ItemResult | End) -> Outcome:
    """How a run ended, as what its item came to says; InputError for a folder that is damaged."""
    if end.outcome == "failed":
        is_internal = bool(end.details.get(INTERNAL))
        return Outcome(run.name, run.run_dir, None, end.error, is_internal=is_internal)
    return Outcome(run.name, run.run_dir, RunFolder(run.run_dir).require_scores(), None)


def name_of(item: WorkItem) -> str:
    """What the run of an item is called in tables, at each of its rungs.

    >>> from xlite.studies.work_item import WorkItem
    >>> name_of(WorkItem(id="train:search/7:s0:e5", kind="train", subject="search/7"))
    'search/7:s0'
    """
    return item.name or _RUNG.sub("", item.id.removeprefix("train:"))
