"""Whether a cache still holds the pixels that its build wrote.

Every image has a CRC-32 in the index. A sample of them is looked at whenever a cache is opened;
all of them before it is trained on, once after each build, since a flipped byte, a truncated file
or an index whose rows have moved trains images under other images' labels. `verified.json`
remembers what was found, bound to the record, the index, and the size and times of what holds the
pixels.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from xlite import console, files
from xlite.clahe_cache.file_names import CACHE_IMAGES, CACHE_INDEX, CACHE_RECORD
from xlite.clahe_cache.radiograph import UnreadableImageError, read_radiograph
from xlite.clahe_cache.record import (
    REBUILD,
    CacheRecipe,
    CacheRecord,
    StoredPixels,
    find_index_fault,
    png_name,
    read_stored_pixels,
)
from xlite.errors import InputError
from xlite.inputs import RefusedFileError, open_regular
from xlite.records import Record
from xlite.results import Result

if TYPE_CHECKING:
    from numpy.typing import NDArray

STAMP = "verified.json"

_SAMPLE = 32
"""Images looked at when a cache is opened: 1.6 MB, from 32 places."""

REPAIR = (
    "`xlite cache-clahe --verify` looks at every image; the `xlite cache-clahe` that built the "
    "cache makes damaged ones anew, with --rebuild all of them."
)

_CHUNK = 256
_MAX_NAMED = 5


@dataclass(frozen=True, kw_only=True)
class CacheVerification(Result):
    """What a look at every image of a cache has found: `xlite cache-clahe --verify --json`."""

    images: int
    damaged: list[StoredPixels]
    """Images whose pixels are missing or have another checksum than the index says."""

    index_fault: str | None
    """What is wrong with the index as a whole."""

    seconds: float

    @property
    def is_whole(self) -> bool:
        """Whether nothing was found."""
        return not self.damaged and self.index_fault is None

    def to_json(self) -> dict[str, Any]:
        """Plain values by the names of the fields."""
        return super().to_json() | {"damaged": [image._asdict() for image in self.damaged]}


def verify_cache(folder: Path) -> CacheVerification:
    """Compare every pixel of the cache in `folder` with the checksums of its build.

    The result is remembered, so that the next build makes damaged images anew. Raises InputError
    where there is no complete cache, or its record or index can't be read.
    """
    started = time.perf_counter()
    record = CacheRecord.open(folder)
    images = read_stored_pixels(folder)
    fault = find_index_fault(folder, record, images)
    stamp = _Stamp.of(folder, record, [image.image_id for image in images])
    with console.progress_bar(len(images), "checking the cache", "image") as bar:
        damaged = []
        for chunk, faults in _check_chunks(folder, record, images):
            damaged += faults
            bar.update(len(chunk))
    verification = CacheVerification(
        images=len(images),
        damaged=damaged,
        index_fault=fault,
        seconds=time.perf_counter() - started,
    )
    stamp.write(folder, is_whole=verification.is_whole)
    return verification


def require_whole(folder: Path, record: CacheRecord, image_ids: Sequence[str]) -> None:
    """Raise InputError that names the damaged images of a cache, unless all of them are whole.

    All are looked at, unless that was done since they were written.
    """
    if recall_verification(folder, record, image_ids):
        return
    verification = verify_cache(folder)
    if verification.index_fault is not None:
        raise InputError(f"{verification.index_fault}. {REBUILD}")
    if verification.damaged:
        raise InputError(
            f"{describe_damage(folder, verification.damaged, verification.images)} {REPAIR}"
        )
    console.detail(
        f"{verification.images:,} cached images in {folder} have their checksums "
        f"({verification.seconds:.1f} s)"
    )


def recall_verification(folder: Path, record: CacheRecord, image_ids: Sequence[str]) -> bool | None:
    """Whether the cache was whole when it was last looked at; None when it has changed since."""
    try:
        stamp = _Stamp.read(folder / STAMP, remedy="")
    except InputError:
        return None
    now = _Stamp.of(folder, record, image_ids)
    return stamp.is_whole if stamp.is_of_same_files(now) else None


def require_whole_sample(folder: Path, record: CacheRecord, images: Sequence[StoredPixels]) -> None:
    """Raise InputError where the pixels are not there, or a few evenly spaced images are damaged.

    Rows that were reversed, another cache's pixels and a lost file are found so, single flipped
    bytes are not.
    """
    path = folder / CACHE_IMAGES
    if record.format == "packed":
        expected = record.rows * record.image_bytes
        size = path.stat().st_size if path.is_file() else None
        if size != expected:
            what = "is missing" if size is None else f"has {size:,} bytes of {expected:,}"
            raise InputError(f"{path} {what}. {REPAIR}")
    places = np.unique(np.linspace(0, len(images) - 1, min(_SAMPLE, len(images))).astype(int))
    sample = [images[place] for place in places]
    damaged = find_damaged(folder, record, sample)
    if damaged:
        raise InputError(
            f"{describe_damage(folder, damaged, len(sample), looked_at=True)} {REPAIR}"
        )


def find_damaged(
    folder: Path, recipe: CacheRecipe, images: Sequence[StoredPixels]
) -> list[StoredPixels]:
    """Those of `images` whose pixels in `folder` are missing or have another CRC-32."""
    return [image for _, faults in _check_chunks(folder, recipe, images) for image in faults]


def describe_damage(
    folder: Path, damaged: Sequence[StoredPixels], num_images: int, *, looked_at: bool = False
) -> str:
    """A sentence that names the first damaged images, and their rows."""
    names = [f"{image.image_id} in row {image.row}" for image in damaged[:_MAX_NAMED]]
    more = ", …" if len(damaged) > _MAX_NAMED else ""
    looked = " that were looked at" if looked_at else ""
    return (
        f"{len(damaged):,} of {num_images:,} images{looked} in the CLAHE cache in {folder} are "
        f"missing or damaged ({', '.join(names)}{more}): their checksums are not those of its "
        "build."
    )


def read_png(path: Path) -> NDArray[np.uint8] | None:
    """The pixels of a PNG that the cache wrote, or None when it is missing or not whole."""
    try:
        return np.asarray(read_radiograph(path), np.uint8)
    except UnreadableImageError:
        return None


class _Stamp(Record):
    """`verified.json`: what a look at all pixels found, and in which files."""

    is_whole: bool
    record_sha256: str
    index_sha256: str
    pixels: str
    """Size and times of `images.u8`, or a digest of those of all PNGs."""

    @classmethod
    def of(cls, folder: Path, record: CacheRecord, image_ids: Sequence[str]) -> _Stamp:
        """The stamp of a cache as it is now, were it whole."""
        if record.format == "packed":
            pixels = _describe_file(folder / CACHE_IMAGES)
        else:
            states = [_describe_file(folder / png_name(image_id)) for image_id in image_ids]
            pixels = hashlib.sha256("\n".join(states).encode()).hexdigest()
        return cls(
            is_whole=True,
            record_sha256=files.sha256_of_file(folder / CACHE_RECORD),
            index_sha256=files.sha256_of_file(folder / CACHE_INDEX),
            pixels=pixels,
        )

    def is_of_same_files(self, other: _Stamp) -> bool:
        """Whether nothing has changed between two looks."""
        return self.model_dump(exclude={"is_whole"}) == other.model_dump(exclude={"is_whole"})

    def write(self, folder: Path, *, is_whole: bool) -> None:
        """Keep it where the folder can be written; elsewhere the next command looks again."""
        with contextlib.suppress(OSError):
            files.write_json(folder / STAMP, {**self.model_dump(), "is_whole": is_whole})


def _describe_file(path: Path) -> str:
    try:
        found = os.stat(path)  # noqa: PTH116  (Path.stat costs twice as much for 112,120 files)
    except OSError:
        return "missing"
    # The time of the last change of its metadata can't be set back, as that of its content can.
    return f"{found.st_size} {found.st_mtime_ns} {found.st_ctime_ns}"


def _check_chunks(
    folder: Path, recipe: CacheRecipe, images: Sequence[StoredPixels]
) -> Iterator[tuple[Sequence[StoredPixels], list[StoredPixels]]]:
    """Neighbouring images and the damaged ones among them, a chunk at a time."""
    in_order = sorted(images, key=lambda image: image.row)
    chunks = [in_order[start : start + _CHUNK] for start in range(0, len(images), _CHUNK)]
    check = _check_rows if recipe.format == "packed" else _check_pngs
    # Reading and sums let go of Python's lock, so that threads halve the time on two cores.
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        results = pool.map(lambda chunk: check(folder, recipe, chunk), chunks)
        yield from zip(chunks, results, strict=True)


def _check_rows(
    folder: Path, recipe: CacheRecipe, images: Sequence[StoredPixels]
) -> list[StoredPixels]:
    try:
        file = open_regular(folder / CACHE_IMAGES)
    except RefusedFileError:
        return list(images)
    damaged = []
    with file:
        for image in images:
            # Plain reads, not a memory map: a bad sector is then an OSError, never a SIGBUS.
            try:
                file.seek(image.row * recipe.image_bytes)
                is_whole = zlib.crc32(file.read(recipe.image_bytes)) == image.crc32
            except OSError:
                is_whole = False
            if not is_whole:
                damaged.append(image)
    return damaged


def _check_pngs(
    folder: Path, recipe: CacheRecipe, images: Sequence[StoredPixels]
) -> list[StoredPixels]:
    damaged = []
    for image in images:
        pixels = read_png(folder / png_name(image.image_id))
        is_whole = (
            pixels is not None
            and pixels.shape == (recipe.size, recipe.size)
            and zlib.crc32(np.ascontiguousarray(pixels).data) == image.crc32
        )
        if not is_whole:
            damaged.append(image)
    return damaged
