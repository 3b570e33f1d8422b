"""The runs of a study as `training_progress.json` and the table of results show them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import Timeout

from xlite import console
from xlite.errors import InputError
from xlite.executors.study_record import StudyRecord
from xlite.run_folder.folder import RunFolder
from xlite.studies.item_result import ItemResult, ItemStart
from xlite.studies.outcome import Outcome, StudyRun
from xlite.studies.plan import PlannedRun

if TYPE_CHECKING:
    from xlite.studies.work_item import WorkItem
    from xlite.training.state import EpochReport


_RUNG = re.compile(r":e\d+$")
"""What an item's id says last of the epoch that it pauses at."""


class StudyView:
    """Keeps both files up to date with what one agent does, as `train` does with its runs.

    They are for people, and never end what they tell of: what is wrong with them is said once. A
    run that has paused after an epoch is `interrupted` there, until a study goes on with it.
    """

    def __init__(self, experiments: Path) -> None:
        """Nothing is written before the first run."""
        self._record = StudyRecord(experiments)
        self._experiments = experiments
        self._run: StudyRun | None = None
        self._has_warned = False

    def __call__(self, item: WorkItem, news: ItemStart | EpochReport | ItemResult | None) -> None:
        """Note what came of an item; of other kinds than `train` nothing is noted."""
        if item.settings is None:
            return
        try:
            self._note(item, news)
        except (InputError, OSError, Timeout) as error:
            if not self._has_warned:
                self._has_warned = True
                console.warn(f"the progress of runs can't be kept: {error}")
        if news is None or isinstance(news, ItemResult):
            self._run = None

    def _note(self, item: WorkItem, news: ItemStart | EpochReport | ItemResult | None) -> None:
        if isinstance(news, ItemStart):
            assert item.settings is not None
            planned = PlannedRun(name_of(item), item.settings, item.has_fixed_budget, item.fold)
            self._run = StudyRun(planned, self._experiments / news.run)
            self._record.claim(self._run)
            self._record.start(self._run)
        elif self._run is None:  # it ended before its folder was known
            return
        elif isinstance(news, ItemResult):
            self._note_end(self._run, news)
        elif news is None:
            self._record.interrupt(self._run)
        else:
            self._record.report(self._run, news)

    def _note_end(self, run: StudyRun, result: ItemResult) -> None:
        if result.outcome == "paused":
            self._record.interrupt(run)
            return
        scores = None if result.error else RunFolder(run.run_dir).require_scores()
        self._record.end(run, Outcome(run.name, run.run_dir, scores, result.error))


def name_of(item: WorkItem) -> str:
    """What the run of an item is called in tables, at each of its rungs.

    >>> from xlite.studies.work_item import WorkItem
    >>> name_of(WorkItem(id="train:search/7:s0:e5", kind="train", subject="search/7"))
    'search/7:s0'
    """
    return _RUNG.sub("", item.id.removeprefix("train:"))
