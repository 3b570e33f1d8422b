"""The floor under a run's validation scores, for the page of a project and the card of a study."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from xlite.judging.evaluation import Resampling
from xlite.judging.floor_question import ask_floor
from xlite.judging.judged_predictions import JudgedPredictions
from xlite.judging.shortcut_floor import judge_floor, judge_within_view
from xlite.places import VALIDATION
from xlite.reporting.floored_run import FlooredRun

if TYPE_CHECKING:
    from xlite.judging.labelled_predictions import LabelledPredictions
    from xlite.judging.shortcut_floor import FloorQuestion
    from xlite.splitting.split_folder import Split


def find_floor(labelled: LabelledPredictions, split: Split) -> FlooredRun:
    """What the split's own columns say of its validation part, under a run's scores.

    Raises InputError where the columns can't be read.
    """
    return find_floors([labelled], split)[0]


def find_floors(runs: Sequence[LabelledPredictions], split: Split) -> list[FlooredRun]:
    """The same under the scores of several runs: what columns say alone is found once."""
    floors: list[FlooredRun] = []
    questions: list[tuple[LabelledPredictions, FloorQuestion]] = []
    for labelled in runs:
        if not questions or not np.array_equal(questions[-1][0].image_ids, labelled.image_ids):
            judged = JudgedPredictions(labelled=labelled, split=split, part=VALIDATION)
            questions.append((labelled, ask_floor(judged)))
        asked, resampling = questions[-1][1], Resampling()
        floors.append(
            FlooredRun(
                name=labelled.name,
                labels=labelled.vocabulary,
                floor=judge_floor(labelled, asked, resampling),
                within=judge_within_view(labelled, asked.columns.get("view"), resampling),
            )
        )
    return floors
