"""The films that are to be predicted: what they are called, and where each is read.

N films, S side in pixels.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from xlite.clahe_cache.clahe import apply_clahe
from xlite.clahe_cache.radiograph import UnreadableImageError, read_radiograph
from xlite.clahe_cache.store import ClaheCache
from xlite.errors import InputError
from xlite.settings import ClaheSettings
from xlite.tables.dicom_headers import has_dicom_mark
from xlite.tables.image_folder import find_images, is_image_name, list_files

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xlite.run_folder.records import Preprocessing
    from xlite.tables.manifest import Manifest


_DICOM_INDEX = "DICOMDIR"
"""The file that lists others; it holds no film."""


class FilmSource(Protocol):
    """Where films are read: files, or a cache."""

    def read(self, position: int) -> NDArray[np.uint8]:
        """The equalised film (S, S). Raises UnreadableImageError with a reason."""

    def stamp(self, position: int) -> str:
        """What changes when the film does."""


@dataclass(frozen=True, eq=False)
class Films:
    """N films in the order in which they are predicted."""

    image_ids: NDArray[Any]
    """(N,) text."""
    source: FilmSource

    def __len__(self) -> int:
        return len(self.image_ids)


class FilmFiles:
    """Films in files, decoded and equalised as they are asked for."""

    def __init__(self, paths: Sequence[str], settings: ClaheSettings) -> None:
        self.paths, self._settings = list(paths), settings

    def read(self, position: int) -> NDArray[np.uint8]:
        """The film in a file. Raises UnreadableImageError, and InputError for a missing extra."""
        return apply_clahe(read_radiograph(self.paths[position]), self._settings)

    def stamp(self, position: int) -> str:
        """Path, size and time of the file; the path alone of one that is gone."""
        path = self.paths[position]
        try:
            found = os.stat(path)  # noqa: PTH116  # a hundred thousand of them
        except OSError:
            return path
        return f"{path}\0{found.st_size}\0{found.st_mtime_ns}"


class CachedFilms:
    """Films of a CLAHE cache."""

    def __init__(self, cache: ClaheCache, image_ids: Sequence[str]) -> None:
        self._cache = cache
        failed = set(cache.failed_ids())
        self._names = list(image_ids)
        known = [name for name in self._names if name not in failed]
        rows = dict(zip(known, cache.rows_of(known).tolist(), strict=True))
        self._rows = [rows.get(name, -1) for name in self._names]

    def read(self, position: int) -> NDArray[np.uint8]:
        """The film of a row. Raises UnreadableImageError where the cache could not read it."""
        row = self._rows[position]
        if row < 0:
            raise UnreadableImageError("it could not be read when the cache was built")
        return self._cache.read(row)

    def stamp(self, position: int) -> str:
        """The cache's fingerprint and the film's name."""
        return f"{self._cache.fingerprint}\0{self._names[position]}"


def find_films(
    images: Sequence[Path],
    preprocessing: Preprocessing,
    *,
    manifest: Manifest | None = None,
    skip_missing: bool | None = False,
) -> Films:
    """The films that `locate_films` finds, equalised as a model's own were."""
    settings = ClaheSettings.parse(**preprocessing.clahe.model_dump())
    pairs = locate_films(images, manifest=manifest, skip_missing=skip_missing)
    ids = np.array([name for name, _ in pairs], dtype=object)
    return Films(ids, FilmFiles([path for _, path in pairs], settings))


def locate_films(
    images: Sequence[Path], *, manifest: Manifest | None = None, skip_missing: bool | None = False
) -> list[tuple[str, str]]:
    """Names and paths: of a label table's films below a folder, else of those of folders and files.

    images: with a manifest one folder. Without one each is a folder, whose image files are films by
    their path below it in order, or a file, which is a film by its name, or by its whole path where
    two have one name. skip_missing: as `find_images` takes it. Raises InputError for what is not
    there, and where there is no film.
    """
    if manifest is None:
        return _list_films(images)
    if len(images) != 1:
        raise InputError("films of a label table lie below one folder. Pass --images DIR.")
    names = manifest.image_ids.tolist()
    found = find_images(names, images[0], skip_missing=skip_missing)
    return [(name, path) for name, path in zip(names, found, strict=True) if path is not None]


def find_cached_films(
    cache_dir: Path, preprocessing: Preprocessing, *, manifest: Manifest | None = None
) -> Films:
    """The films of a cache, or those of them that a label table names.

    Raises InputError where the cache was made with other settings than the model's images, or lacks
    a film of the table.
    """
    cache = ClaheCache.open(cache_dir)
    wanted = ClaheSettings.parse(**preprocessing.clahe.model_dump())
    if cache.settings != wanted:
        raise InputError(
            f"the cache in {cache_dir} was made with {_describe(cache.settings)}, and the model "
            f"takes films made with {_describe(wanted)}. Pass the files with --images DIR: they "
            "are equalised as the model needs."
        )
    cache.require_whole()
    ids = cache.image_ids if manifest is None else tuple(manifest.image_ids)
    if not ids:
        raise InputError(f"the cache in {cache_dir} holds no image.")
    return Films(np.array(ids, dtype=object), CachedFilms(cache, ids))


def _list_films(images: Sequence[Path]) -> list[tuple[str, str]]:
    """Names and paths of films; a name that two of them have becomes the path."""
    pairs: list[tuple[str, str]] = []
    for place in images:
        if place.is_dir():
            pairs += _list_folder(place)
        elif os.path.lexists(place):
            pairs.append((place.name, str(place)))
        else:
            raise InputError(f"{place} does not exist. Pass --images DIR, or files.")
    if not pairs:
        raise InputError("there is no film. Pass --images DIR, or files.")
    names = [name for name, _ in pairs]
    if len(set(names)) < len(names):
        pairs = [(Path(path).as_posix(), path) for _, path in pairs]
    if len({name for name, _ in pairs}) < len(pairs):
        repeated = sorted(name for name, _ in pairs if [n for n, _ in pairs].count(name) > 1)
        raise InputError(f"{repeated[0]} is named twice. Pass each film once.")
    return pairs


def _list_folder(folder: Path) -> list[tuple[str, str]]:
    """The image files below a folder: told by their names, and DICOM, which often has none, by its
    mark. What begins with a dot, as do folders of thumbnails, is none. Raises InputError for a
    folder without any.
    """
    files = list_files(folder)
    found = [(name, path) for name, path in files if _is_film(name, path)]
    if not found:
        named = ", ".join(name for name, _ in files[:3])
        held = f"other files alone ({named})" if files else "no file"
        raise InputError(
            f"there is no film below {folder}: it holds {held}. Pass a folder of PNG, JPEG or "
            "DICOM files as --images."
        )
    return found


def _is_film(name: str, path: str) -> bool:
    *_, last = parts = name.split("/")
    if last == _DICOM_INDEX or any(part.startswith(".") for part in parts):
        return False
    return is_image_name(last) or has_dicom_mark(Path(path))


def _describe(settings: ClaheSettings) -> str:
    return ", ".join(f"{name} {value}" for name, value in settings.model_dump().items())
