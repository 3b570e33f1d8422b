"""What a build has to do: which cached images still match their sources, and which are made.

Pure apart from one `stat` a source; no pixel is read.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from xlite.clahe_cache.record import PNG_FOLDER, CachedImage, FileFormat
from xlite.clahe_cache.workers import Made, Task
from xlite.errors import InputError


@dataclass(frozen=True)
class SourceImage:
    """An image of the label table and its file, an absolute path."""

    image_id: str
    path: Path


@dataclass(frozen=True)
class SourceStat:
    """A source's relative path, size and time; -1 for a missing file, which fails when made."""

    path: str
    bytes: int
    mtime_ns: int


@dataclass(frozen=True, kw_only=True)
class CachePlan:
    """Images that are kept as they are, and a task for each other source."""

    kept: dict[str, CachedImage]

    tasks: list[Task]

    stats: Sequence[SourceStat]
    """The state of all sources, in their order."""

    fingerprint: str
    """SHA-256 over the sorted (image_id, relative path, bytes, mtime_ns) of all sources."""

    @property
    def num_sources(self) -> int:
        """Images asked for: kept, to be made, or bound to fail."""
        return len(self.stats)

    def cached_image(self, made: Made) -> CachedImage:
        """The line of the index for an image that was made."""
        stat = self.stats[made.position]
        return CachedImage(
            image_id=made.image_id,
            row=made.row,
            path=stat.path,
            bytes=stat.bytes,
            mtime_ns=stat.mtime_ns,
            height=made.height,
            width=made.width,
            bits=made.bits,
            crc32=made.crc32,
        )


def check_sources(sources: Sequence[SourceImage], out: Path) -> None:
    """Raise InputError for no source, one named twice, or one that the cache would overwrite."""
    if not sources:
        raise InputError("There is no image to cache: the label table names none.")
    seen: set[str] = set()
    cached_folder = os.path.join(os.path.abspath(out), PNG_FOLDER, "")  # noqa: PTH100, PTH118
    for source in sources:
        if source.image_id in seen:
            raise InputError(f"The image {source.image_id} is named twice. Remove one of its rows.")
        seen.add(source.image_id)
        if str(source.path).startswith(cached_folder):
            raise InputError(
                f"The source {source.path} is inside the cache folder {out}, which would "
                "overwrite it. Pass another --out."
            )


def stat_sources(sources: Sequence[SourceImage]) -> list[SourceStat]:
    """The state of each source file, with its path relative to the folder that all share."""
    paths = [str(source.path) for source in sources]
    root = os.path.commonpath([os.path.dirname(path) for path in paths])  # noqa: PTH120
    start = len(root.rstrip(os.sep)) + 1
    stats = []
    for path in paths:
        relative = printable(path[start:].replace(os.sep, "/"))
        try:
            found = os.stat(path)  # noqa: PTH116  (Path.stat costs twice as much for 112,120 files)
        except OSError:
            stats.append(SourceStat(relative, -1, -1))
        else:
            stats.append(SourceStat(relative, found.st_size, found.st_mtime_ns))
    return stats


def printable(path: str) -> str:
    """A path that can be written as UTF-8: file systems may hold names that are no text.

    >>> printable(os.fsdecode(b"caf\\xe9.png"))
    'caf\\\\udce9.png'
    """
    return path if path.isascii() else path.encode("utf-8", "backslashreplace").decode()


def plan_cache(
    sources: Sequence[SourceImage],
    stats: Sequence[SourceStat],
    known: Sequence[CachedImage],
    file_format: FileFormat,
) -> CachePlan:
    """What is kept of the `known` images, and a task with a free row for each other source.

    Rows stay below the number of sources: a packed image beyond that is made again in a gap,
    which costs at most as many images as were removed and keeps `images.u8` dense.
    """
    known_of = {image.image_id: image for image in known}
    kept: dict[str, CachedImage] = {}
    for place, (source, stat) in enumerate(zip(sources, stats, strict=True)):
        image = known_of.get(source.image_id)
        if image is None or not _is_same_source(image, stat):
            continue
        row = place if file_format == "png" else image.row
        if row < len(sources):
            kept[source.image_id] = replace(image, path=stat.path, row=row)
    used = {image.row for image in kept.values()}
    others = [place for place, source in enumerate(sources) if source.image_id not in kept]
    # A source's own place first: a resumed build then has the bytes of an uninterrupted one.
    own_rows = {place for place in others if place not in used}
    free = iter(sorted(set(range(len(sources))) - used - own_rows))
    tasks = [
        Task(
            position=place,
            row=place if place in own_rows else next(free),
            image_id=sources[place].image_id,
            path=str(sources[place].path),
        )
        for place in others
    ]
    return CachePlan(
        kept=kept,
        tasks=tasks,
        stats=stats,
        fingerprint=_source_fingerprint(sources, stats),
    )


def _is_same_source(image: CachedImage, stat: SourceStat) -> bool:
    # The shared folder gets longer or shorter when images are removed or added, and moves with
    # the data set: so one relative path has to be the end of the other.
    new, old = "/" + stat.path, "/" + image.path
    is_same_path = new.endswith(old) or old.endswith(new)
    return is_same_path and (image.bytes, image.mtime_ns) == (stat.bytes, stat.mtime_ns)


def _source_fingerprint(sources: Sequence[SourceImage], stats: Sequence[SourceStat]) -> str:
    digest = hashlib.sha256()
    named = zip((source.image_id for source in sources), stats, strict=True)
    for image_id, stat in sorted(named, key=lambda pair: pair[0]):
        digest.update(f"{image_id}\0{stat.path}\0{stat.bytes}\0{stat.mtime_ns}\n".encode())
    return digest.hexdigest()
