"""XL017: a cache of other images, or of other pixels, than those that it is used for."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from xlite.clahe_cache.record import CachedImage, CacheRecord, read_index
from xlite.ids import AMBIGUOUS, NO_MATCH, match_image_names
from xlite.judging.checks.check import (
    Check,
    Issue,
    NotApplicable,
    Observation,
    Passed,
    gather,
)
from xlite.judging.examined.run import ExaminedRun
from xlite.judging.examined.split import ExaminedSplit
from xlite.run_folder.records import ClaheRecord

_LEAST_FOUND = 0.5
"""Of fewer sources under the folder of images, that is not the one that the cache was made from."""


def look(thing: ExaminedRun | ExaminedSplit) -> Observation:
    """A run notes the fingerprint of the pixels that it was trained on, which the cache at the
    place that it names has to have. Of a split, all images have to be in its cache, if any is, or
    among those that could not be read; and where the folder of images is given, sources have the
    size in bytes that they had when they were cached.
    """
    if isinstance(thing, ExaminedSplit):
        return _look_at_split(thing)
    data, made = thing.folder.data, thing.folder.preprocessing
    if data.images_dir is not None:
        return NotApplicable("its images were equalised while loading, without a cache")
    known = [Path(data.cache_dir)] if data.cache_dir else []
    if thing.split is not None and thing.split.cache_dir is not None:
        known.append(thing.split.cache_dir)
    records = {path: CacheRecord.open(path) for path in known if path.is_dir()}
    if not records:
        return NotApplicable("its cache is not at hand")
    for path, record in records.items():
        if record.fingerprint == data.source:
            return Passed(f"{path} has the pixels that it was trained on", {"caches": len(records)})
    path, record = next(iter(records.items()))
    return look_at_recipes(str(path), record, None if made is None else made.clahe)


def look_at_recipes(where: str, record: CacheRecord, wanted: ClaheRecord | None) -> Observation:
    """The issue of a cache with other pixels; wanted: how those of the run were made."""
    now = record.settings.model_dump()
    then = {} if wanted is None else wanted.model_dump()
    changes = [
        f"{name} {then[name]} then, {now[name]} now" for name in then if then[name] != now[name]
    ]
    told = "; ".join(changes) or "the settings are the same, images or their pixels are others"
    return Issue(
        f"{where} has not the pixels that the run was trained on: {told}.",
        {"changed_settings": len(changes), "images": record.images},
    )


def look_at_names(
    names: Sequence[Any], cached: Sequence[str], failed: Sequence[str]
) -> Observation:
    """Whether a cache has all images, but for those that could not be read."""
    found = match_image_names(names, cached)
    is_missing = (found == NO_MATCH) | (found == AMBIGUOUS)
    if is_missing.all():
        return NotApplicable("none of the split's images is in the cache, which is of others")
    lost = [str(name) for name, missing in zip(names, is_missing, strict=True) if missing]
    unread = set(np.flatnonzero(match_image_names(lost, failed) >= 0).tolist()) if failed else set()
    lost = [name for place, name in enumerate(lost) if place not in unread]
    numbers = {"images": len(names), "missing": len(lost), "cached": len(cached)}
    if lost:
        return Issue(
            f"{len(lost):,} of the split's {len(names):,} images are not in the cache, which has "
            f"{len(cached):,} (first: {lost[0]}).",
            numbers,
        )
    return Passed(f"all {len(names):,} images of the split are in the cache", numbers)


def look_at_sources(images: Sequence[CachedImage], sizes: Sequence[int | None]) -> Observation:
    """Whether sources are what was cached; sizes: in bytes, None for one that is not there."""
    there = [(image, size) for image, size in zip(images, sizes, strict=True) if size is not None]
    if not there or len(there) < _LEAST_FOUND * len(images):
        return NotApplicable("the images that the cache was made from are not at hand")
    changed = [image for image, size in there if image.bytes != size]
    numbers = {"sources": len(there), "changed": len(changed)}
    if changed:
        return Issue(
            f"{len(changed):,} of {len(there):,} images have another size in bytes than when they "
            f"were cached (first: {changed[0].path}).",
            numbers,
        )
    return Passed(f"{len(there):,} images have the size that was cached", numbers)


def _look_at_split(split: ExaminedSplit) -> Observation:
    cache = split.cache
    if cache is None:
        return NotApplicable("no cache is known of its images")
    names = [name for part in split.parts.values() for name in part.image_ids]
    seen = [look_at_names(names, cache.image_ids, cache.failed_ids())]
    if split.images_dir is not None:
        index = read_index(cache.path)
        seen.append(look_at_sources(index, [_size(split.images_dir, one.path) for one in index]))
    return gather(seen, because="there is no image")


def _size(folder: Path, path: str) -> int | None:
    try:
        return os.stat(folder / path).st_size  # noqa: PTH116  # twice as fast, for 112,120 files
    except OSError:
        return None


CHECK = Check(
    code="XL017",
    title="a stale or foreign cache",
    severity="error",
    subject=ExaminedRun | ExaminedSplit,
    look=look,
    consequence="What is predicted, explained or resumed now sees other pixels than the run was "
    "trained on, and its scores are not those of the model.",
    remedy="Build the cache again with the run's settings into another folder (`xlite cache-clahe "
    "--out`), or train the run again on the one that is there.",
)
