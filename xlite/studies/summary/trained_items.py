"""The work items of training by what they belong to, read back from their ids."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from xlite.studies.ledger_entries import End
from xlite.studies.study_state import ItemState, StudyState

_TRAIN = re.compile(
    r"train:(?P<subject>.+?):s(?P<seed>\d+)(?::f(?P<fold>\d+))?(?::e(?P<epochs>\d+))?"
)


class RunKey(NamedTuple):
    """Which of a subject's runs: several items where it pauses at rungs."""

    seed: int
    fold: int | None


@dataclass(frozen=True)
class TrainedItem:
    """A work item of kind `train` that an agent has taken on."""

    id: str
    subject: str
    """An experiment's id, or a trial as `PHASE/NUMBER`."""
    key: RunKey
    epochs: int | None
    """Where it pauses; None for an item that trains to the end."""
    state: ItemState

    @property
    def end(self) -> End | None:
        """How it ended; None while it has not."""
        return self.state.end


def list_trained_items(state: StudyState) -> dict[str, list[TrainedItem]]:
    """The items by subject, each in the order of the first claims."""
    found: dict[str, list[TrainedItem]] = {}
    for name, item in state.items.items():
        if match := _TRAIN.fullmatch(name):
            fold, epochs = (None if match[part] is None else int(match[part]) for part in (3, 4))
            key = RunKey(int(match["seed"]), fold)
            trained = TrainedItem(name, match["subject"], key, epochs, item)
            found.setdefault(trained.subject, []).append(trained)
    return found


def last_ends(items: Iterable[TrainedItem]) -> dict[RunKey, End]:
    """How each run ended last, by seed and fold: of several rungs the one with most epochs."""
    ends: dict[RunKey, End] = {}
    for item in items:
        end, before = item.end, ends.get(item.key)
        if end is not None and (before is None or end.epochs >= before.epochs):
            ends[item.key] = end
    return ends


def finished_runs(items: Iterable[TrainedItem]) -> dict[RunKey, str]:
    """The folders of the runs that were trained to their end, from the experiments folder."""
    return {
        key: end.run
        for key, end in last_ends(items).items()
        if end.outcome == "finished" and end.run is not None
    }
