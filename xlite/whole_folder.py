"""Writing a whole folder or nothing: under another name beside it first, then file by file."""

from __future__ import annotations

import contextlib
import glob
import os
import secrets
import shutil
from collections.abc import Collection, Iterator
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]


@contextlib.contextmanager
def written_whole(out: Path, *, record: str, names: Collection[str]) -> Iterator[Path]:
    """A folder beside `out` to write to, whose files are `out`'s when the block ends well.

    record: the file that says what the folder is, which is moved last. names: all that one may
    hold.

    Other files in `out` stay; those of these names that the new folder has not are removed. On an
    exception nothing is left, and what a killed process has left is removed the next time.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(out)
    scratch = out.with_name(f".xlite.{out.name}.{secrets.token_hex(4)}.tmp")
    scratch.mkdir()
    handle = _lock(scratch)
    try:
        yield scratch
        _move(scratch, out, record, names)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
        if handle is not None:
            os.close(handle)


def _move(scratch: Path, out: Path, record: str, names: Collection[str]) -> None:
    for path in scratch.iterdir():
        with path.open("rb+") as file:
            os.fsync(file.fileno())
    if not out.exists():
        scratch.rename(out)
        return
    new = {path.name for path in scratch.iterdir()}
    for name in sorted(new - {record}):
        (scratch / name).replace(out / name)
    for name in names:
        if name not in new:
            (out / name).unlink(missing_ok=True)
    # Last: until then the earlier record says that the files are not its own.
    (scratch / record).replace(out / record)


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
