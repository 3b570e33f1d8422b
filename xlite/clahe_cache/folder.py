"""The folder of a cache as a place on a disk: who may write to it, how much fits, what goes.

A fault of the disk reaches the user as an InputError; what was finished stays usable.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

import filelock

from xlite.clahe_cache.file_names import (
    CACHE_FAILED,
    CACHE_IMAGES,
    CACHE_INDEX,
    CACHE_NEAR_DUPLICATES,
    CACHE_RECORD,
)
from xlite.clahe_cache.integrity import STAMP
from xlite.clahe_cache.journal import JOURNAL
from xlite.clahe_cache.record import PNG_FOLDER, png_name
from xlite.errors import InputError
from xlite.ownership import refuse_links, require_our_folder

_LOCK = ".building.lock"

_FILES = (
    CACHE_RECORD,
    CACHE_INDEX,
    CACHE_FAILED,
    CACHE_IMAGES,
    STAMP,
    CACHE_NEAR_DUPLICATES,
)
"""The files of a complete cache; `cache.json` goes first where it stops being one."""

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_NO_PREALLOCATION = frozenset({errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS})


def check_folder(out: Path) -> None:
    """Raise InputError unless a build may write to `out`.

    It must be a folder that can be written or made, and hold no files of a cache's names that no
    build left there, nor links or devices in their places.
    """
    require_our_folder(
        out,
        markers=(CACHE_RECORD, JOURNAL),
        names=(CACHE_INDEX, CACHE_IMAGES, PNG_FOLDER),
        what="a CLAHE cache",
    )
    paths = [out / name for name in (*_FILES, JOURNAL, _LOCK)]
    refuse_links(paths)
    for path in paths:
        if path.exists() and not path.is_file():
            raise InputError(f"{path} is no regular file. Remove it, or pass another --out.")


def is_complete(out: Path) -> bool:
    """Whether `out` says that it holds a complete cache."""
    # Unlike Path's methods this one has an answer for names that are too long, too.
    return os.path.isfile(out / CACHE_RECORD)  # noqa: PTH113


def holds_pixels(out: Path) -> bool:
    """Whether `out` holds pixels of either format."""
    return any((out / name).exists() for name in (CACHE_IMAGES, PNG_FOLDER))


@contextlib.contextmanager
def locked(out: Path) -> Iterator[None]:
    """Hold the folder `out`, made where needed; InputError while another build holds it."""
    out.mkdir(parents=True, exist_ok=True)
    try:
        with filelock.FileLock(out / _LOCK, timeout=0):
            yield
    except filelock.Timeout:
        raise InputError(
            f"Another process is building the CLAHE cache in {out}. Wait for it, or use "
            "another --out."
        ) from None


@contextlib.contextmanager
def disk_faults_explained(out: Path) -> Iterator[None]:
    """Turn an OSError while writing below `out` into an InputError with a remedy."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        if error.errno in _NO_ROOM:
            raise InputError(
                f"There is no room for the CLAHE cache in {out} ({reason}). Free some space and "
                "run the same command again: finished images are kept. Or use a smaller --size "
                "or another --out."
            ) from None
        raise InputError(
            f"The CLAHE cache in {out} can't be written ({reason}). Check the folder's "
            "permissions, or pass another --out."
        ) from None


def mark_incomplete(out: Path) -> None:
    """Take away what says that the cache is complete; the journal has to be there already."""
    for name in _FILES:
        if name != CACHE_IMAGES:
            (out / name).unlink(missing_ok=True)


def check_png_folders(out: Path, image_ids: Iterable[str]) -> None:
    """Raise InputError where a folder that PNGs of these images belong in is a link."""
    refuse_links(_png_folders(out, image_ids))


def discard_packed(out: Path) -> None:
    """Remove `images.u8`."""
    (out / CACHE_IMAGES).unlink(missing_ok=True)


def discard_pngs(out: Path, image_ids: Collection[str]) -> None:
    """Remove the PNGs of these images, and folders that are empty without them.

    What else lies there is somebody's, or was left by a build that was killed in mid-file: it
    stays. See `check_png_folders`, which has to come first.
    """
    for image_id in image_ids:
        (out / png_name(image_id)).unlink(missing_ok=True)
    for folder in _png_folders(out, image_ids):
        with contextlib.suppress(OSError):
            folder.rmdir()


def _png_folders(out: Path, image_ids: Iterable[str]) -> list[Path]:
    """The folders that PNGs of these images lie in, within `out`; the deepest first."""
    names = {os.path.dirname(png_name(image_id)) for image_id in image_ids}  # noqa: PTH120
    above = {parent for name in names for parent in Path(name).parents if parent.name}
    return sorted((out / name for name in {*map(Path, names), *above}), reverse=True)


def allocate(path: Path, num_bytes: int) -> None:
    """Give `path` this size, on blocks that are there; where they are not, it stays as it was.

    So a full disk is known before the first image, not after hours.
    """
    with path.open("ab") as file:
        former = file.seek(0, os.SEEK_END)
        if num_bytes > former and hasattr(os, "posix_fallocate"):
            try:
                os.posix_fallocate(file.fileno(), 0, num_bytes)
            except OSError as error:
                if error.errno not in _NO_PREALLOCATION:
                    file.truncate(former)
                    raise
        file.truncate(num_bytes)


def flush_pngs(out: Path, image_ids: Iterable[str]) -> int:
    """Have the system write these images' PNGs to the disk; returns their size in bytes."""
    num_bytes = sum((out / png_name(image_id)).stat().st_size for image_id in image_ids)
    if hasattr(os, "sync"):
        # Once for all files: an fsync for each would cost more than CLAHE does.
        os.sync()
    return num_bytes
