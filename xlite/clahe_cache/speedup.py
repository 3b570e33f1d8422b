"""What a cache saves: its images against CLAHE at run time."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from xlite.clahe_cache.clahe import apply_clahe
from xlite.clahe_cache.plan import SourceImage
from xlite.clahe_cache.radiograph import read_radiograph
from xlite.clahe_cache.store import ClaheCache
from xlite.settings import ClaheSettings


def measure_loading_speedup(
    cache: ClaheCache,
    sources: Sequence[SourceImage],
    settings: ClaheSettings,
    sample: int = 32,
) -> float:
    """How many times faster `cache` gives an image than decoding and CLAHE at run time do.

    Timed on up to `sample` evenly spaced images, one after the other, with both kinds of file in
    the page cache: it compares work, not disks. NaN when no source is in the cache.
    """
    cached_ids = set(cache.image_ids)
    cached = [source for source in sources if source.image_id in cached_ids]
    if not cached:
        return float("nan")
    places = np.linspace(0, len(cached) - 1, min(sample, len(cached))).astype(int)
    chosen = [cached[place] for place in places]
    rows = cache.rows_of([source.image_id for source in chosen])
    for source, row in zip(chosen, rows, strict=True):
        source.path.read_bytes()
        cache.read(int(row))
    started = time.perf_counter()
    for source in chosen:
        apply_clahe(read_radiograph(source.path), settings)
    at_run_time = time.perf_counter()
    for row in rows:
        cache.read(int(row))
    from_cache = time.perf_counter()
    return (at_run_time - started) / (from_cache - at_run_time)
