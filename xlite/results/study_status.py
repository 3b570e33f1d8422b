"""How far a study is: its items, who is at them, what was decided, and what waits for a person."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Literal

from xlite.results import Result
from xlite.results.study import StudyDecision


@dataclass(frozen=True, kw_only=True)
class StatusItem(Result):
    """A work item that an agent has taken on, or could now."""

    id: str
    status: Literal["ready", "at work", "finished", "paused", "failed"]
    agent: str | None = None
    """Who is at it."""
    run: str | None = None
    """Its run folder, from the experiments folder."""
    epochs_done: int = 0
    epochs: int | None = None
    """At which it pauses or ends; None where that is not known."""
    best_val_auroc: float | None = None
    """While it is at work."""
    seconds: float = 0.0
    """Of work, over all sittings."""
    seconds_left: float | None = None
    """To its pause or end; None when nothing is known."""
    times_lost: int = 0
    """How often in a row an agent died over it before it had finished an epoch."""
    error: str | None = None


@dataclass(frozen=True, kw_only=True)
class StatusAgent(Result):
    """An agent that gives signs of life, or that holds an item and gives none."""

    name: str
    host: str
    pid: int
    is_alive: bool
    item: str | None = None


@dataclass(frozen=True, kw_only=True)
class OpenQuestion(Result):
    """A question that a person can answer now."""

    id: str
    question: str
    choices: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class StudyStatus(Result):
    """Where a study stands, from its ledger and its agents' signs of life."""

    name: str
    folder: str
    """As it was named."""
    state: Literal["running", "stopped", "waiting", "ended"]
    """`running`: an agent lives; `stopped`: none, and work is left; `waiting`: for a person."""
    items: tuple[StatusItem, ...]
    agents: tuple[StatusAgent, ...]
    decisions: tuple[StudyDecision, ...]
    """But for those of single trials."""
    waiting_for: tuple[OpenQuestion, ...]
    has_winner: bool
    """Whether it is decided."""
    winner: str | None = None
    why: str = ""
    """Why this one."""
    seconds_left: float | None = None
    """Of the items that are known, with as many agents as there are; None when nothing is known."""

    @property
    def counts(self) -> dict[str, int]:
        """The number of items by status."""
        return dict(Counter(item.status for item in self.items))

    @property
    def timeless(self) -> object:
        """What changes only when something happens."""
        items = [(item.id, item.status, item.epochs_done) for item in self.items]
        return items, [agent.name for agent in self.agents], len(self.decisions)

    @property
    def failed(self) -> list[StatusItem]:
        """The items that failed."""
        return [item for item in self.items if item.status == "failed"]
