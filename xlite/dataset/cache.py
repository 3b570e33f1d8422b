"""The CLAHE cache as it lies on the disk, and reading it.

A cache is a folder. `cache.json` says how the pixels were made and is written last: without it
the cache is not complete. `index.csv` has one row an image. The pixels are in `images.u8`, one
(rows, S, S) uint8 array (format "packed"), or in one PNG an image below `images/` (format
"png"); both hold the same pixels. A row of `images.u8` that no line of the index names belongs
to an image that could not be read, and is black.
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from pydantic import ValidationError

from xlite import artifacts
from xlite.config import ClaheSettings
from xlite.dataset.radiograph import UnreadableImageError, read_radiograph
from xlite.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

FileFormat = Literal["packed", "png"]
FILE_FORMATS: tuple[FileFormat, ...] = ("packed", "png")

PNG_FOLDER = "images"

_REMEDY = "Run `xlite cache-clahe` to build or finish it."
_PLAIN_FOLDER = re.compile(r"[a-z0-9_-]+")
_PLAIN_FILE = re.compile(r"[a-z0-9_-]+\.png")


@dataclass(frozen=True, kw_only=True)
class CachedImage:
    """One line of `index.csv`: a finished image and the source it was made from."""

    image_id: str

    row: int
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

    crc32: int
    """CRC-32 of the (S, S) cached pixels."""

    @property
    def decoded_bytes(self) -> int:
        """Bytes of the source when decoded at full size."""
        return self.height * self.width * self.bits // 8


_COLUMNS = tuple(field.name for field in fields(CachedImage))
_TEXT_COLUMNS = ("image_id", "path")


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
    with (
        artifacts.atomic_path(path) as temporary,
        temporary.open("w", encoding="utf-8", newline="") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow((*_COLUMNS, "file"))
        for image in images:
            is_png = file_format == "png"
            name = png_name(image.image_id) if is_png else artifacts.CACHE_IMAGES
            writer.writerow((*(getattr(image, column) for column in _COLUMNS), name))


def read_index(path: Path) -> list[CachedImage]:
    """The lines of an `index.csv`. Raises InputError where it is missing or not one of ours."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return [cached_image_of(line) for line in csv.DictReader(file)]
    except FileNotFoundError:
        raise InputError(f"{path} does not exist. {_REMEDY}") from None
    except (KeyError, TypeError, ValueError, csv.Error) as error:
        raise InputError(
            f"{path} is damaged ({error}). Build the cache again with --rebuild."
        ) from None


def cached_image_of(line: dict[str, Any]) -> CachedImage:
    """A line of the index or the journal as a CachedImage; KeyError or ValueError if it is none."""
    values: dict[str, Any] = {
        name: str(line[name]) if name in _TEXT_COLUMNS else int(line[name]) for name in _COLUMNS
    }
    return CachedImage(**values)


def pixels_digest(images: Iterable[CachedImage]) -> str:
    """SHA-256 over (image_id, CRC-32 of the pixels) in index order, as hexadecimal digits."""
    digest = hashlib.sha256()
    for image in images:
        digest.update(f"{image.image_id}\0{image.crc32}\n".encode())
    return digest.hexdigest()


class ClaheCache:
    """A complete cache, open for reading. Survives pickling, fork and spawn: pixels stay on disk.

    `image_ids` are in the order of the index, and a *row* is a position in it.
    """

    def __init__(
        self, path: Path, record: dict[str, Any], settings: ClaheSettings, images: list[CachedImage]
    ) -> None:
        self.path = path
        self.settings = settings
        self.file_format: FileFormat = record["format"]
        self.image_ids = tuple(image.image_id for image in images)
        self.fingerprint = _fingerprint(settings, str(record["pixels"]))
        """SHA-256 of settings, ids and pixels: equal for both formats and on every machine."""
        self._num_stored = int(record["rows"])
        self._stored_rows = np.array([image.row for image in images], np.int64)
        self._row_of = {image_id: row for row, image_id in enumerate(self.image_ids)}
        self._pixels: np.memmap[Any, np.dtype[np.uint8]] | None = None

    @classmethod
    def open(cls, path: Path) -> Self:
        """The cache in the folder `path`. Raises InputError when it is absent or incomplete."""
        if not (path / artifacts.CACHE_RECORD).exists() and path.is_dir():
            raise InputError(f"The CLAHE cache in {path} is not complete. {_REMEDY}")
        record = artifacts.read_json(path / artifacts.CACHE_RECORD, remedy=_REMEDY)
        images = read_index(path / artifacts.CACHE_INDEX)
        try:
            settings = settings_of(record)
            cache = cls(path, record, settings, images)
            is_whole = record["format"] in FILE_FORMATS and record["images"] == len(images)
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"{path / artifacts.CACHE_RECORD} is damaged ({error}). "
                "Build the cache again with --rebuild."
            ) from None
        if not is_whole or not cache._has_its_pixels():
            raise InputError(
                f"The CLAHE cache in {path} does not hold what its {artifacts.CACHE_RECORD} "
                "says. Build it again with --rebuild."
            )
        return cache

    @property
    def size(self) -> int:
        """Edge S of the cached images, in pixels."""
        return self.settings.size

    def __len__(self) -> int:
        return len(self.image_ids)

    def failed_ids(self) -> list[str]:
        """The images that could not be read when the cache was built: `failed.csv`."""
        try:
            with (self.path / artifacts.CACHE_FAILED).open(encoding="utf-8", newline="") as file:
                return [line["image_id"] for line in csv.DictReader(file)]
        except FileNotFoundError:
            return []

    def rows_of(self, image_ids: Sequence[str]) -> NDArray[np.int64]:
        """The rows of `image_ids`, (B,). Raises InputError that names the first five missing."""
        missing = [image_id for image_id in image_ids if image_id not in self._row_of]
        if missing:
            named = ", ".join(missing[:5]) + (", …" if len(missing) > 5 else "")
            raise InputError(
                f"{len(missing)} of {len(image_ids)} images are not in the CLAHE cache in "
                f"{self.path} ({named}). Run `xlite cache-clahe` with the same label table; "
                f"images that could not be read are listed in its {artifacts.CACHE_FAILED}."
            )
        return np.array([self._row_of[image_id] for image_id in image_ids], np.int64)

    def read(self, row: int) -> NDArray[np.uint8]:
        """One image, (S, S) uint8; the caller owns the array."""
        if self.file_format == "png":
            return self._read_png(row)
        return np.array(self._memory_map()[self._stored_rows[row]])

    def read_many(self, rows: Sequence[int] | NDArray[np.int64]) -> NDArray[np.uint8]:
        """A batch of images, (B, S, S) uint8; the caller owns the array."""
        if self.file_format == "packed":
            stored = self._stored_rows[np.asarray(rows, np.int64)]
            return np.asarray(self._memory_map()[stored])
        batch = np.empty((len(rows), self.size, self.size), np.uint8)
        for position, row in enumerate(rows):
            batch[position] = self._read_png(int(row))
        return batch

    def __getstate__(self) -> dict[str, Any]:
        # A pickled memory map would carry its pixels along: 5.6 GB for all of NIH.
        return {**self.__dict__, "_pixels": None}

    def _memory_map(self) -> np.memmap[Any, np.dtype[np.uint8]]:
        if self._pixels is None:
            shape = (self._num_stored, self.size, self.size)
            path = self.path / artifacts.CACHE_IMAGES
            self._pixels = np.memmap(path, np.uint8, mode="r", shape=shape)
        return self._pixels

    def _read_png(self, row: int) -> NDArray[np.uint8]:
        path = self.path / png_name(self.image_ids[row])
        pixels = read_png(path)
        if pixels is None or pixels.shape != (self.size, self.size):
            raise InputError(f"{path} is missing or damaged. Build the cache again with --rebuild.")
        return pixels

    def _has_its_pixels(self) -> bool:
        if self.file_format == "png":
            return True
        if np.any((self._stored_rows < 0) | (self._stored_rows >= self._num_stored)):
            return False
        path = self.path / artifacts.CACHE_IMAGES
        return path.exists() and path.stat().st_size == self._num_stored * self.size**2


def settings_of(record: dict[str, Any]) -> ClaheSettings:
    """The settings in a `cache.json`; KeyError or ValueError where they are not all there."""
    try:
        return ClaheSettings(**{name: record[name] for name in ClaheSettings.model_fields})
    except ValidationError as error:
        raise ValueError(str(error.errors()[0]["msg"])) from None


def read_png(path: Path) -> NDArray[np.uint8] | None:
    """The pixels of a PNG that the cache wrote, or None when it is missing or not whole."""
    try:
        return np.asarray(read_radiograph(path), np.uint8)
    except UnreadableImageError:
        return None


def _fingerprint(settings: ClaheSettings, pixels: str) -> str:
    essentials = {**settings.model_dump(), "pixels": pixels}
    return hashlib.sha256(json.dumps(essentials, sort_keys=True).encode()).hexdigest()
