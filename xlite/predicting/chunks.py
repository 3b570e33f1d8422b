"""Predictions as they are made, a chunk of films a file: what a kill leaves is not made again.

n films of a chunk, C classes.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from filelock import FileLock, Timeout

from xlite import console
from xlite.errors import InputError
from xlite.files import atomic_path, read_json, remove_temporary_files, write_json
from xlite.inputs import read_bytes
from xlite.ownership import require_our_folder

if TYPE_CHECKING:
    from numpy.typing import NDArray

_PLAN, _LOCK = "plan.json", "lock"
_MOST_BYTES = 1 << 30


@dataclass(frozen=True, eq=False)
class PredictedChunk:
    """What is said of the films of one chunk."""

    positions: NDArray[np.int64]
    """(n,) of the films that could be read."""
    logits: NDArray[np.float32]
    """(n, C)"""
    distances: NDArray[np.float64]
    """(n,) how unlike the films of training; NaN where the model keeps nothing of those."""
    failures: dict[int, str] = field(default_factory=dict)
    """The reason by position of films that could not be read."""


class ChunkFolder:
    """The chunks of one request, in a folder beside its predictions."""

    def __init__(self, path: Path, identity: str) -> None:
        self.path, self._identity = path, identity

    @contextlib.contextmanager
    def hold(self) -> Iterator[None]:
        """Within the block the folder is there, for this process alone.

        Chunks of another request are thrown away, and a line says so. Raises InputError where
        another process predicts there, and for a folder that is not ours.
        """
        require_our_folder(
            self.path, markers=[_PLAN], names=[_PLAN, _name(0)], what="unfinished predictions"
        )
        self.path.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.path / _LOCK)
        try:
            lock.acquire(timeout=0.5)
        except Timeout:
            raise InputError(
                f"another process predicts into {self.path}. Wait for it, or pass another --out."
            ) from None
        try:
            remove_temporary_files(self.path)
            self._begin()
            yield
        finally:
            lock.release()

    def is_of_this_request(self) -> bool:
        """Whether the folder holds chunks of this very request."""
        plan = self.path / _PLAN
        if not plan.is_file():
            return False
        known = read_json(plan, remedy=f"Delete {self.path}.")
        return known.get("identity") == self._identity

    def _begin(self) -> None:
        if self.is_of_this_request():
            return
        plan = self.path / _PLAN
        if plan.is_file():
            console.say(f"{self.path} holds chunks of another request, which are thrown away")
            for number in self.find_done():
                (self.path / _name(number)).unlink()
        write_json(plan, {"identity": self._identity})

    def find_done(self) -> list[int]:
        """The numbers of the chunks that are there."""
        return sorted(int(path.stem) for path in self.path.glob("[0-9]*.npz"))

    def write(self, number: int, chunk: PredictedChunk) -> None:
        """Write a chunk, atomically."""
        broken = sorted(chunk.failures)
        buffer = io.BytesIO()
        np.savez(
            buffer,
            positions=chunk.positions,
            logits=chunk.logits,
            distances=chunk.distances,
            broken=np.array(broken, dtype=np.int64),
            reasons=np.array([chunk.failures[one] for one in broken], dtype=np.str_),
        )
        with atomic_path(self.path / _name(number)) as temporary:
            temporary.write_bytes(buffer.getvalue())

    def read(self, number: int) -> PredictedChunk:
        """A chunk that was written. Raises InputError for one that is damaged."""
        path = self.path / _name(number)
        try:
            content = read_bytes(path, max_bytes=_MOST_BYTES)
            with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
                broken, reasons = arrays["broken"].tolist(), arrays["reasons"].tolist()
                return PredictedChunk(
                    arrays["positions"],
                    arrays["logits"],
                    arrays["distances"],
                    dict(zip(broken, reasons, strict=True)),
                )
        except (KeyError, OSError, ValueError, zipfile.BadZipFile) as error:
            raise InputError(f"{path} is damaged ({error}). Delete it; it is made again.") from None

    def remove(self) -> None:
        """Delete the chunks; the folder goes where nothing else is in it."""
        for name in (*map(_name, self.find_done()), _PLAN, _LOCK):
            (self.path / name).unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self.path.rmdir()


def identify(*parts: Any) -> str:
    """The SHA-256 of texts, which tells one request from another."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(f"{part}\n".encode())
    return digest.hexdigest()


def _name(number: int) -> str:
    return f"{number:06d}.npz"
