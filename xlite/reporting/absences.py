"""Why sections of the page have nothing to show, and the commands that change that."""

from __future__ import annotations

from typing import NamedTuple


class Absence(NamedTuple):
    """Why a section has nothing to show, and the command that changes that."""

    why: str
    command: str


NO_RUN = Absence("No run is finished.", "xlite train --models efficientnet_b0_mhsa")
NO_SPLIT = Absence(
    "The split that these runs are judged by is not there. Pass its folder:",
    "xlite report --split DIR",
)
FOLDS = Absence(
    "These runs were trained on folds, which are judged out of fold, and not on this page:",
    "xlite evaluate experiments/out_of_fold/NAME --split DIR",
)
NO_VALIDATION = Absence(
    "The split has no validation part, on which this page judges. The test part is judged apart:",
    "xlite evaluate RUN --part test",
)
