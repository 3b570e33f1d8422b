"""A checklist of a run or a study, item by item: what its files prove, what people state, what is
missing.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

from xlite.results import Number, Result

Standing = Literal["PROVEN", "STATED", "MISSING"]
"""Proven: the files show it, and it can be computed again. Stated: people say so in the notes."""


@dataclass(frozen=True, kw_only=True)
class ChecklistItem(Result):
    """One item of a checklist."""

    number: str
    """As in the publication: `20`, `12a`."""
    section: str
    text: str
    """What is asked for, in our own words."""
    standing: Standing
    shown: str = ""
    """Of a proven one, what the files show, with the numbers; of another, what they lack."""
    numbers: dict[str, Number] = dataclasses.field(default_factory=dict)
    """The same numbers by name."""
    files: tuple[str, ...] = ()
    """Where that stands, from the experiments folder or as it was named."""
    command: str = ""
    """What computes it again; nothing of what is not proven."""
    stated: str = ""
    """What the notes say of it, proven or not."""
    topic: str = ""
    """The heading of the notes under which it can be stated; nothing where that proves nothing."""
    remedy: str = ""
    """What to do about a missing one."""


@dataclass(frozen=True, kw_only=True)
class Checklist(Result):
    """All items of one checklist: `claim.json`, `tripod.json` or `stard.json`."""

    kind: ClassVar[str] = "checklist"

    id: Literal["claim", "tripod", "stard"]
    name: str
    """With its year: `CLAIM 2024`."""
    publication: str
    """The reference, with its DOI."""
    subject: str
    """What it is of: `run NAME` or `study NAME`."""
    items: tuple[ChecklistItem, ...]

    def count(self, standing: Standing) -> int:
        """How many items stand so."""
        return sum(one.standing == standing for one in self.items)

    @property
    def sentence(self) -> str:
        """The counts in words, without a full stop."""
        return (
            f"{self.name}: {self.count('PROVEN')} of {len(self.items)} items proven, "
            f"{self.count('STATED')} stated, {self.count('MISSING')} missing"
        )


@dataclass(frozen=True, kw_only=True)
class Checklists(Result):
    """What `xlite checklist` found: CLAIM, TRIPOD+AI and STARD-AI of one run or study."""

    subject: str
    checklists: tuple[Checklist, ...]
    folder: Path | None = dataclasses.field(default=None, compare=False)
    """Where they are written, in memory alone; None where they were not."""

    def to_dict(self) -> dict[str, Any]:
        """The values by the names of the fields, as JSON has them."""
        values = super().to_dict()
        values.pop("folder", None)
        return values
