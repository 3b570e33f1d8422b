"""Pictures that are the same film under two names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from pydantic import Field

from xlite.results import Result


@dataclass(frozen=True, kw_only=True)
class FilmPair(Result):
    """Two images that are one film, and how the one is altered against the other."""

    first: str
    """An image id."""
    second: str
    correlation: float
    """Of their finest detail once the first is laid on the second, 0.8 to 1."""
    is_mirrored: bool
    is_inverted: bool
    """Whether one is the negative of the other."""
    degrees: float
    """By which the second is turned, clockwise."""
    scale: float
    """How much larger things are in the second: above 1 where it is cropped."""

    def describe_alteration(self) -> str:
        """What was done to the second, as far as it shows: `mirrored, turned by 3.0°`."""
        said = [
            *(["mirrored"] if self.is_mirrored else []),
            *(["inverted"] if self.is_inverted else []),
            *([f"turned by {self.degrees:.1f}°"] if abs(self.degrees) >= 0.5 else []),
            *([f"enlarged {self.scale:.2f} times"] if abs(self.scale - 1) >= 0.02 else []),
        ]
        return ", ".join(said) or "in place"


@dataclass(frozen=True, kw_only=True)
class NearDuplicate(FilmPair):
    """A film that stands in two parts of a split."""

    parts: str
    """That of the first and that of the second, "train|test"."""


@dataclass(frozen=True, kw_only=True)
class CachedPairs(Result):
    """The near-duplicates of a CLAHE cache: its `near_duplicates.json`."""

    schema_version: Annotated[int, Field(ge=1)] = 1
    newest_schema: ClassVar[int] = 1

    fingerprint: str
    """Of the cache that they were looked for in."""
    pairs: tuple[FilmPair, ...]
