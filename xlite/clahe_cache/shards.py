"""The CLAHE cache in shards: built apart, by the jobs of an array, then merged into one.

Shard k of n is the k-th of n runs of neighbouring images, in a folder of its own below `shards/`
in the cache's; there it is a whole cache, built, resumed and updated like any other.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np

from xlite import console
from xlite.clahe_cache.build import build_cache, cache_recipe
from xlite.clahe_cache.file_names import CACHE_IMAGES, CACHE_RECORD
from xlite.clahe_cache.folder import (
    allocate,
    check_folder,
    check_png_folders,
    discard_packed,
    discard_pngs,
    disk_faults_explained,
    holds_pixels,
    is_complete,
    locked,
    mark_incomplete,
)
from xlite.clahe_cache.journal import (
    Journal,
    known_images,
    listed_ids,
    read_complete,
    require_recognisable,
    require_same_opencv,
    verified_images,
)
from xlite.clahe_cache.plan import SourceImage, check_sources, plan_cache, stat_sources
from xlite.clahe_cache.record import (
    PNG_FOLDER,
    CachedImage,
    CacheRecipe,
    FileFormat,
    png_name,
)
from xlite.errors import InputError
from xlite.results.cache import CacheSummary
from xlite.settings import ClaheSettings
from xlite.signals import StopSource, heed_no_signals

SHARD_FOLDER = "shards"

_WRITTEN = re.compile(r"([0-9]+)/([0-9]+)")
_NAMED = re.compile(r"([0-9]+)-of-([0-9]+)")


@dataclass(frozen=True, order=True)
class Shard:
    """One of `count` shards, `number` from 1."""

    count: int
    number: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """The shard that `3/16` names. Raises InputError for anything else.

        >>> Shard.parse("3/16")
        Shard(count=16, number=3)
        """
        match = _WRITTEN.fullmatch(text.strip())
        if match is None or not 1 <= int(match[1]) <= int(match[2]):
            raise InputError(f"--shard is {text!r}. Write 1/16 to 16/16 for 16 shards.")
        return cls(number=int(match[1]), count=int(match[2]))

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    def folder(self, out: Path) -> Path:
        """Where this shard of the cache in `out` lies.

        >>> Shard(count=16, number=3).folder(Path("cache")).as_posix()
        'cache/shards/03-of-16'
        """
        width = len(str(self.count))
        return out / SHARD_FOLDER / f"{self.number:0{width}}-of-{self.count}"

    def places(self, num_images: int) -> range:
        """The places of its images among all; shards differ by one image at most.

        >>> [list(Shard(count=3, number=number).places(7)) for number in (1, 2, 3)]
        [[0, 1], [2, 3], [4, 5, 6]]
        """
        return range(
            (self.number - 1) * num_images // self.count, self.number * num_images // self.count
        )


def refuse_together(*, shard: bool, merge: bool, verify: bool = False) -> None:
    """Raise InputError where more than one of three kinds of work is asked for."""
    if shard + merge + verify > 1:
        raise InputError(
            "--shard builds a part, --merge puts the parts together, --verify builds nothing: "
            "pass one of them."
        )


def has_unmerged_shards(out: Path) -> bool:
    """Whether shards lie in `out` and no complete cache does."""
    return bool(_find_shards(out)) and not is_complete(out)


def build_shard(
    sources: Sequence[SourceImage],
    out: Path,
    settings: ClaheSettings,
    *,
    shard: Shard,
    file_format: FileFormat = "packed",
    workers: int | None = None,
    rebuild: bool = False,
    stopping: StopSource = heed_no_signals,
) -> CacheSummary:
    """Make or bring up to date one shard of the cache in `out`; returns what was done.

    `sources` are all images, the same for every shard. The shards of a cache can be built at the
    same time, on several machines that share `out`. Raises what `build_cache` raises, and
    InputError where there are more shards than images.
    """
    check_sources(sources, out)
    if shard.count > len(sources):
        raise InputError(
            f"{len(sources)} images can't be cut into {shard.count} shards. "
            f"Use at most {len(sources)}."
        )
    return build_cache(
        [sources[place] for place in shard.places(len(sources))],
        shard.folder(out),
        settings,
        file_format=file_format,
        workers=workers,
        rebuild=rebuild,
        stopping=stopping,
    )


def merge_shards(
    sources: Sequence[SourceImage],
    out: Path,
    settings: ClaheSettings,
    *,
    file_format: FileFormat = "packed",
    workers: int | None = None,
    rebuild: bool = False,
    stopping: StopSource = heed_no_signals,
) -> CacheSummary:
    """Put the shards in `out` together; the cache has the bytes that a single build gives.

    Every pixel is checked against its CRC-32 in the shard before it is copied, and in the merged
    file after. Images that failed in a shard are tried once more. The shards stay; where `out`
    holds a complete cache already, they are not looked at and it is brought up to date as by
    `build_cache`.

    Raises InputError that names the shards that are missing, not complete, damaged, or made of
    other images, files or settings than `sources` and `settings`.
    """
    if rebuild or not is_complete(out):
        check_sources(sources, out)
        check_folder(out)
        if rebuild and holds_pixels(out):
            require_recognisable(out)
        recipe = cache_recipe(settings, file_format)
        shards = _complete_shards(out)
        images_of = {shard: _checked_images(shard, sources, out, recipe) for shard in shards}
        with disk_faults_explained(out), locked(out):
            if not rebuild:
                # For its refusal to replace what was begun with other settings.
                known_images(out, recipe)
            _copy_shards(images_of, sources, out, recipe)
        console.say(f"{len(shards)} shards are merged in {out}.")
    return build_cache(
        sources, out, settings, file_format=file_format, workers=workers, stopping=stopping
    )


def _find_shards(out: Path) -> list[Shard]:
    folder = out / SHARD_FOLDER
    names = os.listdir(folder) if os.path.isdir(folder) else []  # noqa: PTH112, PTH208
    matches = [match for name in names if (match := _NAMED.fullmatch(name))]
    return sorted(Shard(number=int(match[1]), count=int(match[2])) for match in matches)


def _complete_shards(out: Path) -> list[Shard]:
    found = _find_shards(out)
    counts = sorted({shard.count for shard in found})
    if not counts:
        raise InputError(
            f"There are no shards in {out / SHARD_FOLDER}. "
            "Build them with --shard 1/16 to 16/16 (for 16 shards)."
        )
    if len(counts) > 1:
        raise InputError(
            f"{out / SHARD_FOLDER} holds shards of {' and of '.join(map(str, counts))}. "
            "Remove the folders of all but one of these."
        )
    shards = [Shard(number=number, count=counts[0]) for number in range(1, counts[0] + 1)]
    missing = [shard for shard in shards if not (shard.folder(out) / CACHE_RECORD).exists()]
    if missing:
        raise InputError(
            f"{len(missing)} of {counts[0]} shards in {out / SHARD_FOLDER} are missing or not "
            f"complete: {', '.join(map(str, missing))}. Build each with --shard, as the others."
        )
    return shards


def _checked_images(
    shard: Shard, sources: Sequence[SourceImage], out: Path, recipe: CacheRecipe
) -> list[CachedImage]:
    """The shard's images, whole and made of what `sources` names; their rows are the shard's."""
    folder = shard.folder(out)
    record, images = read_complete(folder, recipe)
    require_same_opencv(folder, record, recipe)
    remedy = f"Build it again: --shard {shard} with the same options as now."
    part = [sources[place] for place in shard.places(len(sources))]
    plan = plan_cache(part, stat_sources(part), images, recipe.format)
    if record.source_fingerprint != plan.fingerprint or len(plan.kept) != len(images):
        raise InputError(
            f"Shard {shard} in {folder} was made of other images or other files than the label "
            f"table and the image folder name now. {remedy}"
        )
    if len(verified_images(folder, record, images)) != len(images):
        raise InputError(
            f"Shard {shard} in {folder} is damaged. Build it again: --shard {shard} --rebuild "
            "with the same options as now."
        )
    return images


def _copy_shards(
    images_of: Mapping[Shard, Sequence[CachedImage]],
    sources: Sequence[SourceImage],
    out: Path,
    recipe: CacheRecipe,
) -> None:
    """Leave `out` as a build leaves it that is killed after its last image."""
    num_bytes = recipe.image_bytes
    place_of = {source.image_id: place for place, source in enumerate(sources)}
    former = listed_ids(out) if (out / PNG_FOLDER).exists() else set()
    check_png_folders(out, former | place_of.keys())
    with Journal.start(out, recipe, []) as journal:
        mark_incomplete(out)
        discard_packed(out)
        discard_pngs(out, former)
        if recipe.format == "packed":
            allocate(out / CACHE_IMAGES, len(sources) * num_bytes)
        for shard, images in images_of.items():
            rows = [place_of[image.image_id] for image in images]
            if recipe.format == "packed":
                _copy_rows(shard.folder(out), [image.row for image in images], out, rows, num_bytes)
            else:
                _copy_pngs(shard.folder(out), out, images)
            journal.append(replace(image, row=row) for image, row in zip(images, rows, strict=True))


def _copy_rows(
    shard_dir: Path, rows: Sequence[int], out: Path, new_rows: Sequence[int], num_bytes: int
) -> None:
    if not rows:
        return
    stored = np.memmap(shard_dir / CACHE_IMAGES, np.uint8, mode="r").reshape(-1, num_bytes)
    with (out / CACHE_IMAGES).open("r+b") as file:
        for row, new_row in zip(rows, new_rows, strict=True):
            file.seek(new_row * num_bytes)
            file.write(stored[row].data)


def _copy_pngs(shard_dir: Path, out: Path, images: Sequence[CachedImage]) -> None:
    for image in images:
        name = png_name(image.image_id)
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(shard_dir / name, out / name)
