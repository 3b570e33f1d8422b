"""The records of an unpacked bundle recomputed, and what of them can't be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from xlite import console
from xlite.errors import InputError
from xlite.proving.agreement import count_numbers
from xlite.proving.project import BundledProject
from xlite.proving.records import Record, list_records


@dataclass(frozen=True, kw_only=True)
class Recomputed:
    """A record, what stands in it, and what it comes to."""

    record: Record
    name: str
    """Its file's name in the bundle."""
    stated: dict[str, Any]
    found: dict[str, Any] | None
    """None where it can't be recomputed at all."""
    kept: tuple[str, ...]
    """The keys whose values were taken as they are."""
    reason: str = ""
    """Why it can't be."""

    @property
    def num_proven(self) -> int:
        """How many numbers were recomputed."""
        if self.found is None:
            return 0
        kept = {key: value for key in self.kept if (value := _at(self.found, key)) is not None}
        return count_numbers(self.found) - count_numbers(kept)

    @property
    def as_recorded(self) -> list[str]:
        """What can't be recomputed, as `bundle.json` names it: keys, or `all` with the reason."""
        return [f"all: {self.reason}"] if self.found is None else sorted(self.kept)


def recompute(project: BundledProject) -> Iterator[Recomputed]:
    """Each record of a bundle with what it comes to. Raises InputError for a damaged record."""
    for record in list_records(project):
        name = record.path.relative_to(project.root).as_posix()
        stated = record.read()
        try:
            with console.hushed():
                replayed = record.replay(project, stated)
        except InputError as error:
            text = str(error).replace(f"{project.root}/", "")
            yield Recomputed(
                record=record, name=name, stated=stated, found=None, kept=(), reason=text
            )
        else:
            yield Recomputed(
                record=record,
                name=name,
                stated=stated,
                found=console.nan_to_none(replayed.found),
                kept=tuple(key for key in replayed.stated if _at(replayed.found, key) is not None),
            )


def _at(content: dict[str, Any], key: str) -> Any:
    """The value of a key as `data.source`; None where there is none."""
    value: Any = content
    for name in key.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value
