"""Where a study stands: what its ledger's entries come to, read in their order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from xlite.studies.ledger_entries import (
    Begin,
    Change,
    Claim,
    Decision,
    End,
    Entry,
    HumanAnswer,
    Release,
)

ItemStatus = Literal["claimed", "released", "finished", "paused", "failed"]


@dataclass(slots=True)
class ItemState:
    """One item that an agent has taken on at least once."""

    status: ItemStatus
    holder: str | None = None
    """The agent that holds it now."""
    claim: int = 0
    """The number of the entry by which it does."""
    end: End | None = None
    end_number: int = 0
    num_lost: int = 0
    """How often in a row an agent died over it before it had finished an epoch."""

    @property
    def has_ended(self) -> bool:
        """Whether it is done, well or not."""
        return self.end is not None


class StudyState:
    """The state after the entries that were applied."""

    def __init__(self) -> None:
        """The state of an empty ledger."""
        self.num_entries = 0
        self.begin: Begin | None = None
        self.changes: list[Change] = []
        self.items: dict[str, ItemState] = {}
        self.decisions: dict[str, Decision] = {}
        self.answers: dict[str, HumanAnswer] = {}
        self.decision_numbers: dict[str, int] = {}
        """The number of the entry of a decision, by its subject, and of an answer, by `ask:ID`."""

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> StudyState:
        """The state that the entries of a ledger come to."""
        state = cls()
        state.apply(entries)
        return state

    def apply(self, entries: Iterable[Entry]) -> None:
        """Go on by the next entries. What is void by its form of words changes nothing."""
        for entry in entries:
            self.num_entries += 1
            match entry:
                case Begin():
                    self.begin = self.begin or entry
                case Change():
                    self._change(entry)
                case Claim():
                    self._claim(entry)
                case Release():
                    self._release(entry)
                case End():
                    self._end(entry)
                case Decision():
                    if entry.subject not in self.decisions:
                        self.decisions[entry.subject] = entry
                        self.decision_numbers[entry.subject] = self.num_entries
                case HumanAnswer():
                    if entry.ask not in self.answers:
                        self.answers[entry.ask] = entry
                        self.decision_numbers[f"ask:{entry.ask}"] = self.num_entries

    def end_of(self, item_id: str) -> End | None:
        """How an item ended; None while it has not."""
        item = self.items.get(item_id)
        return None if item is None else item.end

    def is_held(self, item_id: str) -> bool:
        """Whether an agent has claimed an item and not let go of it."""
        item = self.items.get(item_id)
        return item is not None and item.holder is not None

    @property
    def held(self) -> dict[str, str]:
        """The agent by the item that it holds, in the order of the first claims."""
        return {name: item.holder for name, item in self.items.items() if item.holder is not None}

    def _claim(self, entry: Claim) -> None:
        item = self.items.setdefault(entry.item, ItemState("released"))
        if item.holder is None and not item.has_ended:
            item.status, item.holder, item.claim = "claimed", entry.agent, self.num_entries

    def _release(self, entry: Release) -> None:
        item = self.items.get(entry.item)
        if item is not None and item.holder == entry.holder:
            item.status, item.holder = "released", None
            if entry.reason == "lost":
                item.num_lost = 0 if entry.epochs else item.num_lost + 1

    def _end(self, entry: End) -> None:
        item = self.items.get(entry.item)
        # An agent that was thought dead may come back, and another has its item by then.
        if item is not None and item.holder == entry.agent:
            item.status, item.holder = entry.outcome, None
            item.end, item.end_number = entry, self.num_entries

    def _change(self, entry: Change) -> None:
        self.changes.append(entry)
        for name in entry.invalid_items:
            self.items.pop(name, None)
        for subject in entry.invalid_decisions:
            self.decisions.pop(subject, None)
            self.answers.pop(subject.removeprefix("ask:"), None)
            self.decision_numbers.pop(subject, None)
