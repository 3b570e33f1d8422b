"""What a terminal shows of agents side by side: one line, drawn anew as they go on."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Self

from xlite import console
from xlite.executors.agent_crew import CrewParent
from xlite.studies.item_result import ItemResult, ItemStart
from xlite.training.state import EpochReport

if TYPE_CHECKING:
    from xlite.executors.agent import ItemNews
    from xlite.studies.work_item import WorkItem


class StudyParent(CrewParent):
    """Counts the items that have ended here, and says which are at work and how far they are."""

    def __init__(self) -> None:
        self._at_work: dict[str, str] = {}
        self._num_ended = 0
        self._line = console.status_line("the agents start")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        self._line.close()

    def hear(self, item: WorkItem, news: ItemNews) -> None:
        """Draw the line anew."""
        match news:
            case ItemStart():
                self._at_work[item.label] = item.label
            case EpochReport():
                assert item.settings is not None
                until = item.until_epoch or item.settings.epochs
                self._at_work[item.label] = f"{item.label} epoch {news.epochs_done}/{until}"
            case _:
                self._at_work.pop(item.label, None)
                self._num_ended += isinstance(news, ItemResult)
        self._line.set_description_str(self.description)

    def say(self, name: str, line: str) -> None:
        """Say a line of an agent's above the one that stays."""
        self._line.clear()
        super().say(name, line)
        self._line.refresh()

    @property
    def description(self) -> str:
        """What the line says."""
        ended = "1 item" if self._num_ended == 1 else f"{self._num_ended} items"
        return f"{ended} done; at work: {', '.join(self._at_work.values()) or 'none'}"
