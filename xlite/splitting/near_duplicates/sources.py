"""Where films are looked for near-duplicates: in a folder of images, or in a CLAHE cache."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from xlite import files
from xlite.clahe_cache.file_names import CACHE_NEAR_DUPLICATES
from xlite.clahe_cache.opencv_threads import one_opencv_thread
from xlite.clahe_cache.radiograph import UnreadableImageError, read_radiograph
from xlite.clahe_cache.store import ClaheCache
from xlite.errors import InputError
from xlite.results.near_duplicates import CachedPairs, FilmPair
from xlite.splitting.near_duplicates.alignment import MIN_CORRELATION
from xlite.splitting.near_duplicates.film import SIDE, shrink_film
from xlite.splitting.near_duplicates.search import search_films

if TYPE_CHECKING:
    from numpy.typing import NDArray


def search_files(
    names: Sequence[str], paths: Sequence[str | Path], *, least: float = MIN_CORRELATION
) -> tuple[list[FilmPair], dict[str, str]]:
    """The pairs of images that are one film, and those that can't be read, with the reasons.

    names: what the images are called, one a path. least: the correlation from which on two films
    are called one. 16 KB an image are held in a temporary file.
    """
    unreadable: dict[str, str] = {}
    with tempfile.TemporaryFile() as file:
        size = (max(len(names), 1), SIDE, SIDE)
        shrunk = np.memmap(file, np.uint8, mode="w+", shape=size)

        def read_all() -> Iterator[NDArray[np.uint8] | None]:
            for place, (name, path) in enumerate(zip(names, paths, strict=True)):
                try:
                    shrunk[place] = shrink_film(read_radiograph(path))
                except UnreadableImageError as error:
                    unreadable[name] = error.reason
                    yield None
                else:
                    yield np.asarray(shrunk[place])

        with one_opencv_thread():
            pairs = search_films(
                names, read_all(), lambda place: np.asarray(shrunk[place]), least=least
            )
    return pairs, unreadable


def search_cache(cache: ClaheCache) -> list[FilmPair]:
    """The pairs of cached images that are one film.

    They are looked for once for each build of the cache, and kept in its folder where that can be
    written.
    """
    known = recall_pairs(cache)
    if known is not None:
        return known

    def read(row: int) -> NDArray[np.uint8]:
        return shrink_film(cache.read(row))

    with one_opencv_thread():
        pairs = search_films(cache.image_ids, map(read, range(len(cache))), read)
    record = CachedPairs(fingerprint=cache.fingerprint, pairs=tuple(pairs))
    with contextlib.suppress(OSError):
        files.write_json(cache.path / CACHE_NEAR_DUPLICATES, record.to_json())
    return pairs


def recall_pairs(cache: ClaheCache) -> list[FilmPair] | None:
    """The pairs that were found in this build of a cache; None where they were not looked for."""
    with contextlib.suppress(InputError):
        known = CachedPairs.read(cache.path / CACHE_NEAR_DUPLICATES, remedy="")
        if known.fingerprint == cache.fingerprint:
            return list(known.pairs)
    return None
