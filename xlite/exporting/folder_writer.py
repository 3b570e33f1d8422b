"""Writing a whole folder or nothing: under another name beside it first, then file by file."""

from __future__ import annotations

import contextlib
import glob
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from xlite.errors import InputError
from xlite.ownership import require_our_folder
from xlite.predicting.exported_folder import EXPORT_FILES, EXPORT_RECORD

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]


def require_room(out: Path, num_bytes: int) -> None:
    """Raise InputError unless the disk that `out` is to lie on has room for `num_bytes`."""
    place = out
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    if free < num_bytes:
        raise InputError(
            f"exporting takes about {num_bytes / 1e6:,.0f} MB, and {free / 1e6:,.0f} MB are free "
            f"in {place}. Free some space, or pass another --out."
        )


def require_our_export(out: Path) -> None:
    """Raise InputError unless `out` is new, or holds no file of our names that is not ours."""
    require_our_folder(out, markers=[EXPORT_RECORD], names=EXPORT_FILES, what="an export")


@contextlib.contextmanager
def written_whole(out: Path) -> Iterator[Path]:
    """A folder beside `out` to write to, whose files are `out`'s when the block ends well.

    Other files in `out` stay; those of an earlier export that the new one has not are removed. On
    an exception nothing is left, and what a killed process has left is removed the next time.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(out)
    scratch = out.with_name(f".xlite.{out.name}.{secrets.token_hex(4)}.tmp")
    scratch.mkdir()
    handle = _lock(scratch)
    try:
        yield scratch
        _move(scratch, out)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
        if handle is not None:
            os.close(handle)


def _move(scratch: Path, out: Path) -> None:
    for path in scratch.iterdir():
        with path.open("rb+") as file:
            os.fsync(file.fileno())
    if not out.exists():
        scratch.rename(out)
        return
    new = {path.name for path in scratch.iterdir()}
    for name in sorted(new - {EXPORT_RECORD}):
        (scratch / name).replace(out / name)
    for name in EXPORT_FILES:
        if name not in new:
            (out / name).unlink(missing_ok=True)
    # Last: until then the record of the earlier export says that the files are not its own.
    (scratch / EXPORT_RECORD).replace(out / EXPORT_RECORD)


def _lock(folder: Path) -> int | None:
    if fcntl is None:
        return None
    handle = os.open(folder, os.O_RDONLY)
    with contextlib.suppress(OSError):
        fcntl.flock(handle, fcntl.LOCK_EX)
    return handle


def _remove_abandoned(out: Path) -> None:
    if fcntl is None:
        return
    for path in out.parent.glob(f".xlite.{glob.escape(out.name)}.*.tmp"):
        if not path.is_dir() or path.is_symlink():
            continue
        handle = os.open(path, os.O_RDONLY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(path, ignore_errors=True)
        except OSError:
            continue  # Another process writes to it.
        finally:
            os.close(handle)
