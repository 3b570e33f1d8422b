"""A backbone's features of films as a folder: chunks of films, and `features.json`, written last.

N films, V views, D features.

The folder is found by its key, the SHA-256 of all that the numbers depend on. A kill leaves whole
chunks, which are not computed again; without `features.json` the folder is not finished.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from filelock import FileLock, Timeout
from pydantic import Field

from xlite.errors import InputError
from xlite.files import atomic_path, remove_temporary_files, write_json
from xlite.inputs import open_regular
from xlite.ownership import refuse_links, require_our_folder
from xlite.records import Record

if TYPE_CHECKING:
    from numpy.typing import NDArray

FEATURES_RECORD = "features.json"
_LOCK = ".extracting.lock"
_BEGUN = "begun.json"
CHUNK = 128
"""Films of a chunk: of efficientnet_b0 at 224 pixels half a minute of a core."""
_REMEDY = "Delete the folder; the same command extracts its features again."
_FOLDER_DIGITS = 8


class FeatureKey(Record):
    """All that features depend on."""

    backbone: str
    """timm's name."""
    weights: str
    """SHA-256 of the tensors that the features were made with."""
    image_size: int = Field(ge=1)
    cache: str
    """Fingerprint of the CLAHE cache."""
    views: tuple[str, ...] = Field(min_length=1)
    """What each of the V views does to a film."""
    pooling: str
    """How a feature map becomes D numbers."""
    images: str
    """SHA-256 of the N image ids, in order."""

    @property
    def digest(self) -> str:
        """The SHA-256 of all of it."""
        return hashlib.sha256(json.dumps(self.model_dump(), sort_keys=True).encode()).hexdigest()

    @property
    def folder_name(self) -> str:
        """The name of its folder: to read, and to tell from any other."""
        return f"{self.backbone}-{self.image_size}-{self.digest[:_FOLDER_DIGITS]}"


class FeatureRecord(FeatureKey):
    """A `features.json`: what a finished folder holds."""

    films: int = Field(ge=1)
    widths: tuple[int, ...] = Field(min_length=1)
    """How many of the D features are of each stage of the backbone."""
    chunks: tuple[str, ...] = Field(min_length=1)
    """SHA-256 of each chunk's file."""
    xlite: str

    @property
    def key(self) -> FeatureKey:
        """The part of it that the features depend on."""
        return FeatureKey.model_validate(self.model_dump(include=set(FeatureKey.model_fields)))


@dataclass(frozen=True, eq=False)
class Features:
    """The features of N films by V views of each."""

    key: FeatureKey
    values: NDArray[np.float32]
    """(N, V, D)"""
    widths: tuple[int, ...]
    """How many of the D are of each stage."""


class FeatureFolder:
    """The folder of one key below `parent`."""

    def __init__(self, parent: Path, key: FeatureKey) -> None:
        self.key, self.path = key, parent / key.folder_name

    def read(self) -> Features | None:
        """The finished features, None where there are none.

        Raises InputError for features of another key, such as those of another backbone that were
        moved there, and for damaged ones.
        """
        record_path = self.path / FEATURES_RECORD
        if not record_path.is_file():
            return None
        record = FeatureRecord.read(record_path, remedy=_REMEDY)
        self._require_same(record.key)
        pieces = [self._read_chunk(number, digest) for number, digest in enumerate(record.chunks)]
        values = np.concatenate(pieces)
        expected = (record.films, len(self.key.views), sum(record.widths))
        if values.shape != expected:
            raise InputError(
                f"{self.path} holds films, views and features {values.shape}, and {record_path} "
                f"records {expected}. {_REMEDY}"
            )
        return Features(self.key, values, record.widths)

    @contextlib.contextmanager
    def hold(self) -> Iterator[None]:
        """Within the block the folder is there, for this process alone.

        Raises InputError where another process extracts into it, and for a folder that is not ours.
        """
        require_our_folder(
            self.path, markers=[_BEGUN], names=[FEATURES_RECORD, _chunk_name(0)], what="features"
        )
        refuse_links([self.path / _LOCK])
        self.path.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.path / _LOCK)
        try:
            lock.acquire(timeout=0.5)
        except Timeout:
            raise InputError(
                f"another process extracts features into {self.path}. Wait for it: what it makes "
                "serves this command, too."
            ) from None
        try:
            remove_temporary_files(self.path)
            self._begin()
            yield
        finally:
            lock.release()

    def find_missing(self, num_films: int) -> list[int]:
        """The numbers of the chunks that are still to be made, of all films together."""
        numbers = range(math.ceil(num_films / CHUNK))
        return [number for number in numbers if not (self.path / _chunk_name(number)).is_file()]

    def write_chunk(self, number: int, values: NDArray[np.float32]) -> None:
        """Write the features (n, V, D) of a chunk, atomically."""
        buffer = io.BytesIO()
        np.save(buffer, np.ascontiguousarray(values, dtype="<f4"), allow_pickle=False)
        with atomic_path(self.path / _chunk_name(number)) as temporary:
            temporary.write_bytes(buffer.getvalue())

    def finish(self, num_films: int, widths: tuple[int, ...]) -> Features:
        """Write `features.json`, now that all chunks are there, and read what was made."""
        from xlite import __version__

        num_chunks = math.ceil(num_films / CHUNK)
        digests = [_hash(self.path / _chunk_name(number)) for number in range(num_chunks)]
        record = FeatureRecord(
            **self.key.model_dump(),
            films=num_films,
            widths=widths,
            chunks=tuple(digests),
            xlite=__version__,
        )
        write_json(self.path / FEATURES_RECORD, record.model_dump(mode="json"))
        features = self.read()
        assert features is not None, "its record was written"
        return features

    def _begin(self) -> None:
        begun = self.path / _BEGUN
        if begun.is_file():
            self._require_same(FeatureKey.read(begun, remedy=_REMEDY))
        else:
            write_json(begun, self.key.model_dump(mode="json"))

    def _require_same(self, found: FeatureKey) -> None:
        """Raise InputError where the folder's key is not the one asked for."""
        if found == self.key:
            return
        names = [n for n in FeatureKey.model_fields if getattr(found, n) != getattr(self.key, n)]
        asked = ", ".join(f"{name} {_shorten(getattr(self.key, name))}" for name in names)
        held = ", ".join(f"{name} {_shorten(getattr(found, name))}" for name in names)
        raise InputError(
            f"{self.path} holds features of {held}, and asked for are those of {asked}. Move the "
            "folder back to where it was made, or delete it."
        )

    def _read_chunk(self, number: int, digest: str) -> NDArray[np.float32]:
        path = self.path / _chunk_name(number)
        if _hash(path) != digest:
            raise InputError(f"{path} is damaged: it is not the file that was written. {_REMEDY}")
        try:
            with open_regular(path, what="chunk of features", remedy=_REMEDY) as file:
                values: NDArray[np.float32] = np.load(file, allow_pickle=False)
        except (EOFError, ValueError):
            raise InputError(f"{path} is damaged: it holds no array. {_REMEDY}") from None
        return values


def hash_ids(image_ids: Sequence[str]) -> str:
    """The SHA-256 of image ids in their order."""
    return hashlib.sha256(json.dumps(list(image_ids)).encode()).hexdigest()


def _hash(path: Path) -> str:
    with open_regular(path, what="chunk of features", remedy=_REMEDY) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _chunk_name(number: int) -> str:
    return f"{number:06d}.npy"


def _shorten(value: object) -> str:
    text = ", ".join(value) if isinstance(value, tuple) else str(value)
    return text if len(text) <= 24 else f"{text[:12]}…"
