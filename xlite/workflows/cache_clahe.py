"""Every image of a label table or a split, equalised once: `xlite cache-clahe` as a function."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from xlite import places
from xlite.clahe_cache.build import build_cache
from xlite.clahe_cache.folder import check_folder, is_complete
from xlite.clahe_cache.plan import SourceImage
from xlite.clahe_cache.record import parse_format
from xlite.clahe_cache.shards import (
    Shard,
    build_shard,
    has_unmerged_shards,
    merge_shards,
    refuse_together,
)
from xlite.clahe_cache.speedup import measure_loading_speedup
from xlite.clahe_cache.store import ClaheCache
from xlite.errors import InputError
from xlite.results.cache import CacheSummary
from xlite.settings import ClaheSettings
from xlite.signals import StopSource, heed_no_signals
from xlite.splitting.checked_split import read_checked_split, refuse_columns
from xlite.splitting.folds_folder import is_folds, read_folds
from xlite.splitting.near_duplicates.sources import search_cache
from xlite.tables.image_folder import find_images
from xlite.tables.read_labels import LabelSource, read_labels
from xlite.tables.table_format import TableFormat


def cache_clahe(
    labels: LabelSource | None = None,
    *,
    images: str | Path,
    out: str | Path = places.CACHE_DIR,
    split: str | Path | None = None,
    table_format: TableFormat | None = None,
    settings: ClaheSettings | None = None,
    file_format: str = "packed",
    workers: int | None = None,
    skip_missing: bool = False,
    rebuild: bool = False,
    shard: str | None = None,
    merge: bool = False,
    near_duplicates: bool = False,
    stopping: StopSource = heed_no_signals,
) -> CacheSummary:
    """What was made, or brought up to date, of the CLAHE cache in `out`: `xlite cache-clahe`.

    labels, table_format: as `read_labels` takes them; None takes the table in `data/`. split: a
    folder of `xlite split` whose images are cached instead. images: the folder that holds them, at
    any depth. settings: how pixels are made. workers: processes, one a core by default; 1 works
    in this one. shard: "3/16" builds a part of the cache beside other jobs, and merge puts the
    parts together. near_duplicates: look for images that are the same film under two names, 1 ms an
    image, once for each build. Images that can't be read are listed in `failed.csv` and counted in
    `failed`; `skip_missing` leaves out those that are not there. `rebuild` discards what `out`
    holds.

    Raises InputError where labels, images or `out` can't be used, and InterruptedRunError once what
    `stopping` gives is set, as by `catch_stop_signals`; the same call then continues.
    """
    out = Path(out)
    stored_as = parse_format(file_format)
    refuse_together(shard=shard is not None, merge=merge)
    if near_duplicates and shard is not None:
        raise InputError("--near-duplicates looks at a whole cache. Pass it with --merge.")
    part = None if shard is None else Shard.parse(shard)
    folder = out if part is None else part.folder(out)
    _check_folder(folder, out, may_hold_shards=part is not None or merge or rebuild)
    image_ids = _read_image_ids(labels, split, table_format)
    sources = _find_sources(image_ids, Path(images), out, skip_missing=skip_missing)
    pixels = settings or ClaheSettings()
    build = merge_shards if merge else build_cache
    if part is not None:
        build = partial(build_shard, shard=part)
    summary = build(
        sources,
        out,
        pixels,
        file_format=stored_as,
        workers=workers,
        rebuild=rebuild,
        stopping=stopping,
    )
    if summary.made > 0:
        speedup = measure_loading_speedup(ClaheCache.open(folder), sources, pixels)
        summary = replace(summary, loading_speedup=speedup)
    if near_duplicates:
        summary = replace(summary, near_duplicates=tuple(search_cache(ClaheCache.open(folder))))
    return summary


def _check_folder(folder: Path, out: Path, *, may_hold_shards: bool) -> None:
    """Before the images are looked for, which may take minutes."""
    if not is_complete(folder):
        check_folder(folder)
    if not may_hold_shards and has_unmerged_shards(out):
        raise InputError(
            f"{out} holds shards that are not merged. Pass --merge, or --rebuild to build the "
            "cache without them."
        )


def _read_image_ids(
    labels: LabelSource | None, split: str | Path | None, table_format: TableFormat | None
) -> list[str]:
    """The images of a label table, or of all parts of a split, or of folds."""
    if split is None:
        table = places.find_label_table(None) if labels is None else labels
        images = read_labels(table, table_format=table_format, needs_labels=False)
        return list(images.image_ids)
    if labels is not None:
        raise InputError("--labels and --split both name the images. Pass one of them.")
    refuse_columns(table_format)
    # The parts of any fold hold all images together.
    folder = read_folds(Path(split)).splits[0] if is_folds(Path(split)) else Path(split)
    parts = read_checked_split(folder, None).parts.values()
    return [image_id for part in parts for image_id in part.image_ids]


def _find_sources(
    image_ids: Sequence[str], images: Path, out: Path, *, skip_missing: bool
) -> list[SourceImage]:
    paths = find_images(image_ids, images, skip_missing=skip_missing, leave_out=out)
    return [
        SourceImage(image_id, Path(path))
        for image_id, path in zip(image_ids, paths, strict=True)
        if path is not None
    ]
