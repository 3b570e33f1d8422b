"""What a build of a cache did, and what it cost."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xlite.clahe_cache.file_names import CACHE_FAILED
from xlite.clahe_cache.record import CachedImage
from xlite.errors import CheckFailedError
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


def require_all_read(summary: CacheSummary, folder: Path) -> None:
    """Raise CheckFailedError where sources of the cache in `folder` could not be read."""
    if summary.failed:
        raise CheckFailedError(
            f"{summary.failed} of {summary.images + summary.failed} images could not be read; "
            f"{folder / CACHE_FAILED} says why. Replace the files and run again, "
            "or pass --allow-failed."
        )


def summarise_build(
    images: Sequence[CachedImage],
    num_bytes: int,
    started: float,
    *,
    num_failed: int,
    num_tried: int,
) -> CacheSummary:
    """The summary of a build that began at `started`, of `time.perf_counter`."""
    seconds = time.perf_counter() - started
    return CacheSummary(
        images=len(images),
        failed=num_failed,
        skipped=len(images) + num_failed - num_tried,
        seconds=seconds,
        ms_per_image=seconds * 1000 / num_tried if num_tried else float("nan"),
        bytes=num_bytes,
        bytes_decoded=sum(image.decoded_bytes for image in images),
        bytes_files=sum(image.bytes for image in images),
    )
