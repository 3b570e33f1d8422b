"""How files are written, so that they are whole, and what is read of any of them.

A file that exists is whole: it is written under a temporary name in the same folder, flushed
to the disk, then renamed. Folders get their "complete" marker (`cache.json`, `scores.json`)
last.
"""

from __future__ import annotations

import contextlib
import glob
import hashlib
import json
import os
import secrets
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xlite.console import nan_to_none
from xlite.errors import InputError
from xlite.inputs import open_regular
from xlite.records import MAX_JSON_BYTES, guard_cell, read_own_bytes

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    import pandas as pd

_TEMPORARY_PREFIX, _TEMPORARY_SUFFIX = ".xlite.", ".tmp"
_CREATE_FLAGS = (
    os.O_CREAT
    | os.O_EXCL
    | os.O_RDWR
    # Windows has neither of these; a loader process must not inherit the lock.
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NOFOLLOW", 0)
)

_MAX_HASHED_BYTES = 16 << 30


@contextlib.contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success it is fsynced and takes its name.

    On an exception the temporary file is removed and whatever `path` held stays as it was. What
    a writer of `path` that was killed has left is removed, too.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_temporary_files(path.parent, name=path.name)
    handle, temporary = _create_temporary(path)
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
        _fsync_directory(path.parent)
    finally:
        temporary.unlink(missing_ok=True)
        if handle is not None:
            os.close(handle)


def remove_temporary_files(folder: Path, *, name: str | None = None) -> None:
    """Delete what writers that were killed in `atomic_path` have left in a folder, of all files or
    of the one called `name`.

    Files that are being written stay, and so does whatever is not called as ours are.
    """
    which = "*" if name is None else f"{glob.escape(name)}.*"
    for path in folder.glob(f"{_TEMPORARY_PREFIX}{which}{_TEMPORARY_SUFFIX}"):
        with contextlib.suppress(OSError):
            _remove_if_abandoned(path)


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8, atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write a JSON object atomically; NaN becomes null."""
    write_text(path, json.dumps(nan_to_none(value), indent=2) + "\n")


def read_json(path: Path, *, remedy: str) -> dict[str, Any]:
    """The JSON object in `path`.

    Raises InputError when the file is missing, no regular file, too large, not JSON or not an
    object; `remedy` ends the message. Where a schema is known, `Record.read` says more.
    """
    content = read_own_bytes(path, max_bytes=MAX_JSON_BYTES, remedy=remedy)
    try:
        value = json.loads(content)
    # A number of too many digits is a ValueError, an abyss of brackets a RecursionError.
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not valid JSON ({error}). {remedy}") from None
    if not isinstance(value, dict):
        raise InputError(f"{path} holds no JSON object. {remedy}")
    return value


def write_table(path: Path, table: pd.DataFrame, *, float_format: str | None = "%.6g") -> None:
    """Write a table as CSV, its text so that no spreadsheet runs it as a formula.

    `xlite.records.read_rows` gives the text back as it was.
    """
    guarded = table.copy(deep=False)
    for place in range(table.shape[1]):
        # Numbers are most of a table of predictions, and are none of the matter.
        if table.dtypes.iloc[place].kind not in "biuf":
            cells = table.iloc[:, place]
            guarded.isetitem(place, [guard_cell(c) if isinstance(c, str) else c for c in cells])
    guarded.columns = [guard_cell(str(name)) for name in table.columns]
    guarded.to_csv(path, index=False, float_format=float_format, lineterminator="\n")


def sha256_of_file(path: Path) -> str:
    """The SHA-256 of a file's bytes, as 64 hexadecimal digits.

    Raises InputError for what is no regular file, and for more than 16 GiB: a file that claims
    terabytes and holds none would be read for hours.
    """
    with open_regular(path) as file:
        if os.fstat(file.fileno()).st_size > _MAX_HASHED_BYTES:
            raise InputError(f"{path} is larger than 16 GiB, which no file of a project is.")
        return hashlib.file_digest(file, "sha256").hexdigest()


def _create_temporary(path: Path) -> tuple[int | None, Path]:
    """A new temporary file for `path`, and the handle whose lock says that it is in use."""
    while True:
        name = f"{_TEMPORARY_PREFIX}{path.name}.{secrets.token_hex(4)}{_TEMPORARY_SUFFIX}"
        temporary = path.with_name(name)
        try:
            # Unlike tempfile's, which are private, with the mode of any other new file: the kernel
            # takes the umask off, which a process can read only by changing it for all its threads.
            handle = os.open(temporary, _CREATE_FLAGS, 0o666)
        except FileExistsError:
            continue
        if fcntl is None:
            os.close(handle)
            return None, temporary
        # Some file systems have no locks: nothing is ever taken for abandoned there.
        with contextlib.suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        # In the instant before the lock another writer may have taken the file for abandoned.
        if os.fstat(handle).st_nlink:
            return handle, temporary
        os.close(handle)


def _remove_if_abandoned(path: Path) -> None:
    """Delete a temporary file whose writer has died: the kernel has let go of its lock."""
    if fcntl is None or not stat.S_ISREG(path.lstat().st_mode):
        return
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink()
    finally:
        os.close(handle)


def _fsync_directory(directory: Path) -> None:
    # Windows can't open a directory; its rename is durable once the file is flushed.
    if os.name == "nt":
        return
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
