"""What a build of a CLAHE cache did, and what it cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from xlite.results import Number, Result
from xlite.results.near_duplicates import FilmPair


@dataclass(frozen=True, kw_only=True)
class CacheSummary(Result):
    """What a build did: what `cache_clahe` returns and `xlite cache-clahe --json` prints."""

    left_out: ClassVar[frozenset[str]] = frozenset({"loading_speedup", "near_duplicates"})

    images: int
    """Images in the finished cache."""

    failed: int
    """Sources that could not be read; `failed.csv` names them."""

    skipped: int
    """Images that were finished before this run."""

    seconds: float

    ms_per_image: Number
    """Wall-clock milliseconds for each image tried in this run; NaN when there was none."""

    bytes: int
    """Bytes of the cached pixels on the disk."""

    bytes_decoded: int
    """Bytes that the cached images' sources would take when decoded at full size."""

    bytes_files: int
    """Bytes of the cached images' source files."""

    loading_speedup: float | None = None
    """How many times faster than decoding and CLAHE the cache gives an image; None, and not in
    JSON, where this run made no image."""

    near_duplicates: tuple[FilmPair, ...] | None = None
    """Images that are the same film under two names; None, and not in JSON, where they were not
    looked for."""

    @property
    def made(self) -> int:
        """Images that this run has put into the cache."""
        return self.images - self.skipped
