"""The floor under a run's validation scores, for the page of a project and the card of a study."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xlite.judging.evaluation import Resampling
from xlite.judging.floor_question import ask_floor
from xlite.judging.judged_predictions import JudgedPredictions
from xlite.judging.shortcut_floor import judge_floor, judge_within_view
from xlite.places import VALIDATION
from xlite.reporting.floored_run import FlooredRun

if TYPE_CHECKING:
    from xlite.judging.labelled_predictions import LabelledPredictions
    from xlite.splitting.split_folder import Split


def find_floor(labelled: LabelledPredictions, split: Split) -> FlooredRun:
    """What the split's own columns say of its validation part, under a run's scores.

    Raises InputError where the columns can't be read.
    """
    judged = JudgedPredictions(labelled=labelled, split=split, part=VALIDATION)
    asked, resampling = ask_floor(judged), Resampling()
    return FlooredRun(
        name=labelled.name,
        labels=labelled.vocabulary,
        floor=judge_floor(labelled, asked, resampling),
        within=judge_within_view(labelled, asked.columns.get("view"), resampling),
    )
