"""Reading the CLAHE cache as it lies on the disk.

A cache is a folder. `cache.json` says how the pixels were made and is written last: without it
the cache is not complete. `index.csv` has one row an image. The pixels are in `images.u8`, one
(rows, S, S) uint8 array (format "packed"), or in one PNG an image below `images/` (format
"png"); both hold the same pixels. A row of `images.u8` that no line of the index names belongs
to an image that could not be read, and is black.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from xlite.clahe_cache.file_names import CACHE_FAILED, CACHE_IMAGES
from xlite.clahe_cache.integrity import read_png, require_whole, require_whole_sample
from xlite.clahe_cache.record import (
    REBUILD,
    CacheRecord,
    StoredPixels,
    png_name,
    read_failed,
    read_stored_pixels,
    require_same_index,
)
from xlite.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray


class ClaheCache:
    """A complete cache, open for reading. Survives pickling, fork and spawn: pixels stay on disk.

    `image_ids` are in the order of the index, and a *row* is a position in it.
    """

    def __init__(self, path: Path, record: CacheRecord, images: Sequence[StoredPixels]) -> None:
        self.path = path
        self.record = record
        self.settings = record.settings
        self.image_ids = tuple(image.image_id for image in images)
        self.fingerprint = record.fingerprint
        self._stored_rows = np.array([image.row for image in images], np.int64)
        self._row_of = {image_id: row for row, image_id in enumerate(self.image_ids)}
        self._pixels: np.memmap[Any, np.dtype[np.uint8]] | None = None

    @classmethod
    def open(cls, path: str | Path) -> Self:
        """The cache in the folder `path`.

        Raises InputError when it is absent or incomplete, when its index is not the one that its
        build wrote, and when a look at its size and at a few images shows damage.
        """
        path = Path(path)
        record = CacheRecord.open(path)
        images = read_stored_pixels(path)
        require_same_index(path, record, images)
        require_whole_sample(path, record, images)
        return cls(path, record, images)

    def require_whole(self) -> None:
        """Raise InputError that names the damaged images, unless each has its checksum.

        All pixels are read, unless that was done since the cache was built.
        """
        require_whole(self.path, self.record, self.image_ids)

    @property
    def size(self) -> int:
        """Edge S of the cached images, in pixels."""
        return self.settings.size

    def __len__(self) -> int:
        return len(self.image_ids)

    def failed_ids(self) -> list[str]:
        """The images that could not be read when the cache was built: `failed.csv`."""
        return [image_id for image_id in read_failed(self.path) if image_id not in self._row_of]

    def rows_of(self, image_ids: Sequence[str]) -> NDArray[np.int64]:
        """The rows of `image_ids`, (B,). Raises InputError that names the first five missing."""
        missing = [image_id for image_id in image_ids if image_id not in self._row_of]
        if missing:
            named = ", ".join(missing[:5]) + (", …" if len(missing) > 5 else "")
            raise InputError(
                f"{len(missing)} of {len(image_ids)} images are not in the CLAHE cache in "
                f"{self.path} ({named}). Run `xlite cache-clahe` with the same label table; "
                f"images that could not be read are listed in its {CACHE_FAILED}."
            )
        return np.array([self._row_of[image_id] for image_id in image_ids], np.int64)

    def read(self, row: int) -> NDArray[np.uint8]:
        """One image, (S, S) uint8; the caller owns the array."""
        if self.record.format == "png":
            return self._read_png(row)
        return np.array(self._memory_map()[self._stored_rows[row]])

    def read_many(self, rows: Sequence[int] | NDArray[np.int64]) -> NDArray[np.uint8]:
        """A batch of images, (B, S, S) uint8; the caller owns the array."""
        if self.record.format == "packed":
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
            shape = (self.record.rows, self.size, self.size)
            path = self.path / CACHE_IMAGES
            self._pixels = np.memmap(path, np.uint8, mode="r", shape=shape)
        return self._pixels

    def _read_png(self, row: int) -> NDArray[np.uint8]:
        path = self.path / png_name(self.image_ids[row])
        pixels = read_png(path)
        if pixels is None or pixels.shape != (self.size, self.size):
            raise InputError(f"{path} is missing or damaged. {REBUILD}")
        return pixels
