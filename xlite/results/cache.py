"""What a build of a CLAHE cache did, and what it cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from xlite.results import Number, Result


@dataclass(frozen=True, kw_only=True)
class CacheSummary(Result):
    """What a build did: what `cache_clahe` returns and `xlite cache-clahe --json` prints."""

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

    @property
    def made(self) -> int:
        """Images that this run has put into the cache."""
        return self.images - self.skipped

    def to_json(self) -> dict[str, Any]:
        """Plain values by the names of the fields."""
        content = super().to_json()
        if self.loading_speedup is None:
            del content["loading_speedup"]
        return content
