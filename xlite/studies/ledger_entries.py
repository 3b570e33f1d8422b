"""What stands in a study's ledger: one record a kind of entry, written once and never changed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from xlite.records import Record

_Id = Annotated[str, Field(min_length=1)]


class Score(Record):
    """A score and the interval around it; None where it is undefined."""

    point: float | None
    low: float | None = None
    high: float | None = None


class _Entry(Record):
    at: str
    """By the writer's clock, ISO 8601, in UTC. For people: the order is that of the numbers."""
    agent: str
    """Who wrote it: the name of an agent's folder, or `person`."""


class Begin(_Entry):
    """The first entry: the study, whose plan is in it word by word."""

    kind: Literal["begin"] = "begin"
    name: str
    plan: str
    """The text of the plan file."""
    base: str | None = None
    """The text of the settings file that it names with `config`."""
    root: str
    """The folder that the plan's paths start from, as a path from the study's folder."""


class Change(_Entry):
    """The plan was edited after the study began, and the person stands by it."""

    kind: Literal["change"] = "change"
    plan: str
    base: str | None = None
    differences: list[str]
    invalid_items: list[str]
    """Items whose ends no longer count."""
    invalid_decisions: list[str]
    """Subjects that are decided anew."""


class Claim(_Entry):
    """An agent takes an item on. Void when another holds it."""

    kind: Literal["claim"] = "claim"
    item: _Id


class Release(_Entry):
    """An item is free again: its agent let go of it, or was found dead by the writer."""

    kind: Literal["release"] = "release"
    item: _Id
    holder: str
    """Whose claim ends."""
    reason: Literal["stopped", "lost"]
    epochs: int = 0
    """Of a lost one: the epochs that it had finished since its claim."""


class End(_Entry):
    """An item is done. Void unless its writer holds it."""

    kind: Literal["end"] = "end"
    item: _Id
    outcome: Literal["finished", "paused", "failed"]
    run: str | None = None
    """The run folder, from the experiments folder."""
    epochs: int = 0
    """Finished epochs of the run."""
    seconds: float = 0.0
    """Of work, over all sittings of a run."""
    scores: dict[str, Score] = Field(default_factory=dict)
    """By name, as in `val.auroc`."""
    details: dict[str, Any] = Field(default_factory=dict)
    """What else is worth knowing: counts, files that were written."""
    error: str | None = None


class Decision(_Entry):
    """What a rule decided, with the entries that it saw: replayed from here, never recomputed."""

    kind: Literal["decision"] = "decision"
    subject: _Id
    """What was decided, once: `rule:ID`, `suggest:PHASE/NUMBER`, `promote:PHASE/NUMBER:EPOCHS` with
    the epochs that are trained next, `keep:PHASE`, `winner`, `end`."""
    choice: dict[str, Any]
    """The outcome. Of a rule `holds` and `begins`; of a suggestion all settings by name that the
    phase, or those before it, searched, empty where there are no others; of `keep` the numbers of
    the `trials`, the best first, `values` where those of a setting are kept, and `optimism`; of
    `winner` the `id` of an experiment, a trial as `PHASE/NUMBER`, or None; of `end` what was
    `not_taken` and which items `failed`; of a promotion nothing."""
    why: str
    """In words, with the numbers."""
    saw: list[int] = Field(default_factory=list)
    """The numbers of the entries that it rests on."""


class HumanAnswer(_Entry):
    """A person's answer to a question of the plan."""

    kind: Literal["answer"] = "answer"
    ask: _Id
    choice: str
    why: str
    who: str


Entry = Annotated[
    Begin | Change | Claim | Release | End | Decision | HumanAnswer, Field(discriminator="kind")
]
ENTRY: TypeAdapter[Entry] = TypeAdapter(Entry)


def entry_time() -> str:
    """The time in UTC, ISO 8601, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")
