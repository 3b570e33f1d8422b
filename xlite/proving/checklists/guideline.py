"""The checklists as data: what each item asks for, in our own words, and how it can be answered."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, Literal

GuidelineId = Literal["claim", "tripod", "stard"]
GUIDELINES: Final[tuple[GuidelineId, ...]] = ("claim", "tripod", "stard")
"""In the order in which they are told."""

_ITEMS = Path(__file__).parent / "items"


@dataclass(frozen=True, kw_only=True)
class GuidelineItem:
    """One item of a checklist."""

    number: str
    section: str
    text: str
    evidence: str | None = None
    """The function that looks for a proof; None for what no file can show."""
    topic: str | None = None
    """The heading of the notes under which it is stated; None: that of the item itself."""


@dataclass(frozen=True, kw_only=True)
class Guideline:
    """A checklist, all of its items in their order."""

    id: GuidelineId
    name: str
    publication: str
    items: tuple[GuidelineItem, ...]

    def heading_of(self, item: GuidelineItem) -> str:
        """The heading of the notes that an item is stated under.

        >>> claim = read_guideline("claim")
        >>> claim.heading_of(claim.items[0]), claim.heading_of(claim.items[8])
        ('Title', 'CLAIM 9')
        """
        return item.topic or self.own_heading_of(item)

    def own_heading_of(self, item: GuidelineItem) -> str:
        """The heading that is of this item alone."""
        return f"{self.id.upper()} {item.number}"


@cache
def read_guideline(name: GuidelineId) -> Guideline:
    """One of `GUIDELINES`.

    >>> [len(read_guideline(name).items) for name in GUIDELINES]
    [44, 52, 48]
    """
    content = tomllib.loads((_ITEMS / f"{name}.toml").read_text(encoding="utf-8"))
    items = tuple(GuidelineItem(**item) for item in content.pop("items"))
    return Guideline(items=items, **content)


@cache
def read_topics() -> dict[str, str]:
    """What is to be said under each heading of the notes, in the order of the checklists."""
    return tomllib.loads((_ITEMS / "topics.toml").read_text(encoding="utf-8"))


def list_headings() -> list[str]:
    """Every heading that the notes may have: topics, then items."""
    lists = [read_guideline(name) for name in GUIDELINES]
    own = [one.own_heading_of(item) for one in lists for item in one.items]
    return [*read_topics(), *own]
