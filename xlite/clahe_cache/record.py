"""What a cache says of itself: `cache.json`, `index.csv`, `failed.csv`, and the names of PNGs."""

from __future__ import annotations

import csv
import functools
import hashlib
import json
import os
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Literal, NamedTuple, Self

from pydantic import Field, TypeAdapter, ValidationError, model_validator

from xlite import files
from xlite.clahe_cache.file_names import CACHE_FAILED, CACHE_IMAGES, CACHE_INDEX, CACHE_RECORD
from xlite.errors import InputError, did_you_mean
from xlite.records import Record, guard_cell, read_columns, read_rows
from xlite.settings import ClaheSettings

FileFormat = Literal["packed", "png"]
FILE_FORMATS: tuple[FileFormat, ...] = ("packed", "png")

PNG_FOLDER = "images"

FINISH = "Run `xlite cache-clahe` to build or finish it."
REBUILD = "Build the cache again with --rebuild, or use another --out."

_PLAIN_FOLDER = re.compile(r"[a-z0-9_-]+")
_PLAIN_FILE = re.compile(r"[a-z0-9_-]+\.png")


class StoredPixels(NamedTuple):
    """Where an image's pixels are, and what their checksum was: three cells of `index.csv`."""

    image_id: str
    row: int
    crc32: int


@dataclass(frozen=True, kw_only=True)
class CachedImage:
    """One line of `index.csv`: a finished image and the source it was made from."""

    image_id: str

    row: Annotated[int, Field(ge=0, lt=1 << 40)]
    """Its row in `images.u8`; for PNG, its place among the sources."""

    path: str
    """The source, relative to the folder that all sources share, with `/`."""

    bytes: int
    """Size of the source file."""

    mtime_ns: int
    """Modification time of the source file."""

    height: int
    width: int
    """Size of the source in pixels."""

    bits: int
    """Bits a pixel of the source when decoded: 8 or 16."""

    crc32: Annotated[int, Field(ge=0, lt=1 << 32)]
    """CRC-32 of the (S, S) cached pixels."""

    @property
    def stored(self) -> StoredPixels:
        """Where its pixels are, and their checksum."""
        return StoredPixels(self.image_id, self.row, self.crc32)

    @property
    def decoded_bytes(self) -> int:
        """Bytes of the source when decoded at full size."""
        return self.height * self.width * self.bits // 8


_COLUMNS = tuple(field.name for field in fields(CachedImage))


class CacheRecipe(Record):
    """How pixels are made and kept: the head of a journal, and part of `cache.json`."""

    format: FileFormat
    size: int
    clip: float
    grid: int
    fit: str
    order: str
    opencv: str
    dicom: str | None = None
    """How stored values of a DICOM film became grey; None of versions that read no DICOM."""

    @model_validator(mode="after")
    def _check_settings(self) -> Self:
        try:
            _ = self.settings
        except InputError as error:
            raise ValueError(str(error).removesuffix(".")) from None
        return self

    @property
    def settings(self) -> ClaheSettings:
        """What decides the pixels."""
        return ClaheSettings.parse(**{name: getattr(self, name) for name in _SETTINGS})

    @property
    def image_bytes(self) -> int:
        """Bytes of one cached image, decoded."""
        return self.size**2


_SETTINGS = tuple(ClaheSettings.model_fields)


class CacheRecord(CacheRecipe):
    """A `cache.json`: what a complete cache holds."""

    images: int = Field(ge=0)
    """Images in the index."""

    rows: int = Field(ge=0)
    """Images that were asked for: the rows of `images.u8`."""

    bytes: int = Field(ge=0)
    """Bytes of the cached pixels on the disk."""

    source_fingerprint: str
    """What sources the cache was made of; see `CachePlan`."""

    pixels: str
    """`pixels_digest` of the index."""

    index_sha256: str | None = None
    """SHA-256 of `index.csv`; version 0.1 noted none."""

    xlite: str

    @property
    def fingerprint(self) -> str:
        """SHA-256 of settings, ids and pixels: equal for both formats and on every machine."""
        essentials = {**self.settings.model_dump(), "pixels": self.pixels}
        return hashlib.sha256(json.dumps(essentials, sort_keys=True).encode()).hexdigest()

    @classmethod
    def open(cls, folder: Path) -> Self:
        """The record of the complete cache in `folder`; InputError where there is none."""
        # Path's methods raise where a name is too long.
        if os.path.isdir(folder) and not os.path.lexists(folder / CACHE_RECORD):  # noqa: PTH112
            raise InputError(f"The CLAHE cache in {folder} is not complete. {FINISH}")
        return cls.read(folder / CACHE_RECORD, remedy=FINISH)


def parse_format(name: str) -> FileFormat:
    """The format of that name; InputError for one that no cache has."""
    for file_format in FILE_FORMATS:
        if name == file_format:
            return file_format
    hint = did_you_mean(name, FILE_FORMATS)
    raise InputError(f"unknown --format {name!r}.{hint} Use: {', '.join(FILE_FORMATS)}.")


def png_name(image_id: str) -> str:
    """The path of an image's PNG within the cache, with `/`.

    An id that is a plain lower-case PNG path keeps its name. Any other is spelled with safe
    characters and gets 64 bits of its SHA-256, so that no two ids meet in one file, on a disk
    that ignores case neither, and none leaves the folder. Folders have no dot, files do.

    >>> png_name("00000013_005.png")
    'images/00000013_005.png'
    >>> png_name("../Patient 1/View.jpg")
    'images/__/Patient_1/View-c658a5cb1d3a386f.png'
    """
    parts = [part for part in image_id.replace("\\", "/").split("/") if part] or ["_"]
    *folders, name = parts
    is_plain = _PLAIN_FILE.fullmatch(name) and all(map(_PLAIN_FOLDER.fullmatch, folders))
    if is_plain and "/".join(parts) == image_id and max(map(len, parts)) <= 200:
        return f"{PNG_FOLDER}/{image_id}"
    digest = hashlib.sha256(image_id.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    stem = name.rpartition(".")[0] or name
    safe = [re.sub(r"[^A-Za-z0-9_-]", "_", part)[:100] for part in (*folders, stem)]
    return "/".join((PNG_FOLDER, *safe)) + f"-{digest}.png"


def write_index(path: Path, images: Iterable[CachedImage], *, file_format: str) -> None:
    """Write `index.csv` atomically; its last column names the file that holds the pixels."""
    is_png = file_format == "png"
    with (
        files.atomic_path(path) as temporary,
        temporary.open("w", encoding="utf-8", newline="") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow((*_COLUMNS, "file"))
        for image in images:
            cells = [getattr(image, column) for column in _COLUMNS]
            name = png_name(image.image_id) if is_png else CACHE_IMAGES
            writer.writerow([guard_cell(c) if isinstance(c, str) else c for c in (*cells, name)])


def read_stored_pixels(folder: Path) -> list[StoredPixels]:
    """The lines of a cache's `index.csv` without what they say of sources; see `read_index`."""
    path = folder / CACHE_INDEX
    image_ids, *numbers = read_columns(path, StoredPixels._fields, remedy=REBUILD)
    try:
        rows, sums = (list(map(int, cells)) for cells in numbers)
        if rows and min(*rows, 0) < 0:
            raise ValueError
    except ValueError:
        # Slower, and says where the fault is.
        return [image.stored for image in read_index(folder)]
    return list(map(StoredPixels, image_ids, rows, sums))


def read_index(folder: Path) -> list[CachedImage]:
    """The lines of a cache's `index.csv`; InputError that names the row of one that is none."""
    path = folder / CACHE_INDEX
    rows = read_rows(path, _COLUMNS, remedy=REBUILD)
    try:
        return _many_images().validate_python(rows)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        number, column = fault["loc"][:2]
        raise InputError(
            f"{path}: row {int(number) + 2} has {str(fault['input'])[:40]!r} as its {column}. "
            f"{REBUILD}"
        ) from None


def require_same_index(folder: Path, record: CacheRecord, images: Sequence[StoredPixels]) -> None:
    """Raise InputError where `find_index_fault` finds something."""
    fault = find_index_fault(folder, record, images)
    if fault is not None:
        raise InputError(f"{fault}. {REBUILD}")


def find_index_fault(
    folder: Path, record: CacheRecord, images: Sequence[StoredPixels]
) -> str | None:
    """What is wrong with an index that could be read, in a sentence; None where it is whole.

    The index has to be the file whose SHA-256 its record holds, of which version 0.1 knew
    nothing; to give `record.pixels`, which every version wrote; and to name no image and no row
    twice, nor a row that the cache does not have.
    """
    path = folder / CACHE_INDEX
    if len(images) != record.images:
        return f"{path} has {len(images):,} images, {CACHE_RECORD} says {record.images:,}"
    for what, values in (
        ("image", [image.image_id for image in images]),
        ("row", [image.row for image in images]),
    ):
        if len(set(values)) < len(values):
            return f"{path} names the {what} {Counter(values).most_common(1)[0][0]} twice"
    if images and max(image.row for image in images) >= record.rows:
        return f"{path} names rows that a cache of {record.rows:,} rows does not have"
    is_as_written = record.index_sha256 is None or files.sha256_of_file(path) == record.index_sha256
    if not is_as_written or pixels_digest(images) != record.pixels:
        return f"{path} was changed since the cache was built: its checksum is another"
    return None


def read_failed(folder: Path) -> list[str]:
    """The images that `failed.csv` names; none without such a file."""
    path = folder / CACHE_FAILED
    if not path.exists():
        return []
    return [line["image_id"] for line in read_rows(path, ("image_id",), remedy=REBUILD)]


def parse_journal_line(line: bytes) -> CachedImage | None:
    """The image of a journal's line, or None where the line was torn or is none of ours."""
    try:
        return _one_image().validate_json(line, strict=True)
    except ValidationError:
        return None


def pixels_digest(images: Iterable[StoredPixels]) -> str:
    """SHA-256 over (image_id, CRC-32 of the pixels) in index order, as hexadecimal digits."""
    lines = [f"{image.image_id}\0{image.crc32}\n" for image in images]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


@functools.cache
def _one_image() -> TypeAdapter[CachedImage]:
    return TypeAdapter(CachedImage)


@functools.cache
def _many_images() -> TypeAdapter[list[CachedImage]]:
    return TypeAdapter(list[CachedImage])
