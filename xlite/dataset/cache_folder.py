"""The folder of a cache as a place on a disk: who may write to it, how much fits, what goes.

A fault of the disk reaches the user as an InputError; what was finished stays usable.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import filelock

from xlite import artifacts
from xlite.dataset.cache import PNG_FOLDER, CachedImage, png_name
from xlite.dataset.cache_journal import JOURNAL
from xlite.errors import InputError

_LOCK = ".building.lock"
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_NO_PREALLOCATION = frozenset({errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS})


def check_folder(out: Path) -> None:
    """Raise InputError when `out` holds files of a cache's names that no build left there."""
    if any((out / name).exists() for name in (artifacts.CACHE_RECORD, JOURNAL)):
        return
    ours = (artifacts.CACHE_INDEX, artifacts.CACHE_IMAGES, PNG_FOLDER)
    found = [name for name in ours if (out / name).exists()]
    if found:
        raise InputError(
            f"{out} holds {found[0]}, which no build of a CLAHE cache left there. "
            "Pass a new or empty folder as --out."
        )


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
    for name in (artifacts.CACHE_RECORD, artifacts.CACHE_INDEX, artifacts.CACHE_FAILED):
        (out / name).unlink(missing_ok=True)


def discard_pixels(out: Path) -> None:
    """Remove the pixels of both formats."""
    (out / artifacts.CACHE_IMAGES).unlink(missing_ok=True)
    if (out / PNG_FOLDER).exists():
        shutil.rmtree(out / PNG_FOLDER)


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


def keep_only_pngs(out: Path, images: Sequence[CachedImage]) -> int:
    """Remove PNGs that belong to no image and flush the others; returns their size in bytes."""
    expected = {png_name(image.image_id) for image in images}
    num_bytes = 0
    for path in (out / PNG_FOLDER).rglob("*"):
        if path.is_dir():
            continue
        if path.relative_to(out).as_posix() in expected:
            num_bytes += path.stat().st_size
        else:
            path.unlink()
    if hasattr(os, "sync"):
        # Once for all files: an fsync for each would cost more than CLAHE does.
        os.sync()
    return num_bytes
