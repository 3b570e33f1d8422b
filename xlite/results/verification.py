"""What a bundle holds, and whether its numbers are what its predictions and labels give."""

from __future__ import annotations

from dataclasses import dataclass

from xlite.results import Result


@dataclass(frozen=True, kw_only=True)
class BundleSummary(Result):
    """A bundle that was written."""

    file: str
    sha256: str
    """Of the whole file: who has it by another way knows that the bundle is the one."""
    bytes: int
    members: int
    runs: tuple[str, ...]
    studies: tuple[str, ...]
    evaluations: tuple[str, ...]
    proven: int
    """Numbers that were recomputed from the hashed predictions and labels."""
    stated: dict[str, tuple[str, ...]]
    """By file: the keys whose values can't be recomputed without the images, or why none can."""
    key: str
    """Where the key of the hashes is: a file's name, or that it was thrown away."""


@dataclass(frozen=True, kw_only=True)
class Difference(Result):
    """A number, or what else stands in a bundle, that is not what it should be."""

    file: str
    key: str
    """Its place in the file."""
    stated: str
    found: str
    """What it should be, or what is wrong."""

    @property
    def sentence(self) -> str:
        """All of it in words, without a full stop."""
        where = f"{self.file}: {self.key}" if self.key else self.file
        return f"{where} is {self.stated}, and should be {self.found}"


@dataclass(frozen=True, kw_only=True)
class Verification(Result):
    """A bundle that was recomputed."""

    file: str
    sha256: str
    members: int
    holds: bool
    """Whether all is what it should be."""
    proven: dict[str, int]
    """By file: how many numbers were recomputed and are the same."""
    texts: int = 0
    """Texts of page, cards and log that were rendered again, to be held against those that are
    there; none of a bundle of another version of xlite."""
    stated: dict[str, tuple[str, ...]]
    """By file: the keys whose values can't be recomputed, or why none can."""
    differences: tuple[Difference, ...]
