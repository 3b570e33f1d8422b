"""The one place that opens files which others have made.

Only regular files of bounded size are read, so that a pipe can't hang a command, a device or a
sparse file can't fill the memory, and a compressed file can't grow without end.
"""

from __future__ import annotations

import io
import os
import stat
import zipfile
import zlib
from io import BufferedReader
from pathlib import Path

from xlite.errors import InputError

MEBIBYTE = 1 << 20

MAX_TABLE_BYTES = 2048 * MEBIBYTE
"""The most that a table may hold, decompressed: fifteen million rows as long as NIH's."""

MAX_IMAGE_BYTES = 512 * MEBIBYTE
"""The most that an image file may hold: four times the largest 16-bit image that is decoded."""

_GZIP_MAGIC = b"\x1f\x8b"
_GZIP_WINDOW = 16 + zlib.MAX_WBITS
_FREE_BYTES = 64 * MEBIBYTE
_MOST_EXPANSION = 200
"""Tables of labels shrink to a fifth or a twentieth; a bomb reaches the thousandth part."""

_OPEN_FLAGS = (
    os.O_RDONLY
    # Opening a pipe that nobody writes to would wait; Windows has neither flag.
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)

_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISSOCK, "a socket"),
)


class RefusedFileError(InputError):
    """A file that is not read; `reason` says why in a few words, without its name."""

    def __init__(self, path: Path, reason: str, *, what: str, remedy: str) -> None:
        self.reason = reason
        super().__init__(f"{what} {path} {reason}. {remedy}".strip())


def open_regular(path: Path, *, what: str = "file", remedy: str = "") -> BufferedReader:
    """The regular file `path`, open for reading bytes; links are followed.

    what and remedy are the first words and the last sentence of a refusal. Raises
    RefusedFileError for a file that is missing, can't be read, or is a folder, pipe, device or
    socket.
    """
    try:
        descriptor = os.open(path, _OPEN_FLAGS)
    except (OSError, ValueError) as error:
        reason = _describe_refusal(path, error)
        raise RefusedFileError(path, reason, what=what, remedy=remedy) from None
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        raise RefusedFileError(path, f"is {_name_kind(mode)}", what=what, remedy=remedy)
    return os.fdopen(descriptor, "rb")


def read_bytes(path: Path, *, max_bytes: int, what: str = "file", remedy: str = "") -> bytes:
    """The whole content of a regular file of at most `max_bytes`.

    Raises RefusedFileError as `open_regular` does, for a larger file, and for one that can't be
    read to its end.
    """
    with open_regular(path, what=what, remedy=remedy) as file:
        try:
            # The size is looked at first: a sparse file would be read as terabytes of zeros.
            size = os.fstat(file.fileno()).st_size
            is_larger = size > max_bytes
            # Memory is asked for before it is filled: the limit would be half a gigabyte of it.
            content = b"" if is_larger else file.read(size + 1)
            if len(content) > size:
                content += file.read(max_bytes + 1 - len(content))
        except OSError as error:
            reason = f"can't be read ({error.strerror or error})"
            raise RefusedFileError(path, reason, what=what, remedy=remedy) from None
    if is_larger or len(content) > max_bytes:
        reason = f"is larger than the {_name_bytes(max_bytes)} that are read"
        raise RefusedFileError(path, reason, what=what, remedy=remedy)
    return content


def is_gzip(content: bytes) -> bool:
    """Whether `content` begins as a gzip file does."""
    return content[:2] == _GZIP_MAGIC


def decompress_gzip(
    content: bytes, path: Path, *, max_bytes: int, what: str = "file", remedy: str = ""
) -> bytes:
    """The decompressed bytes of a gzip file's `content`; `path` is for the message alone.

    Raises RefusedFileError for damage, and where the result has more than `max_bytes`, or more
    than both 64 MiB and 200 times the compressed size.
    """
    limit = min(max_bytes, max(_FREE_BYTES, _MOST_EXPANSION * len(content)))
    parts: list[bytes] = []
    room = limit
    rest = content
    try:
        while rest:
            # A gzip file may be several of them, one after the other.
            member = zlib.decompressobj(_GZIP_WINDOW)
            parts.append(member.decompress(rest, room + 1))
            room -= len(parts[-1])
            if room < 0:
                reason = f"decompresses to more than {_name_bytes(limit)}"
                raise RefusedFileError(path, reason, what=what, remedy=remedy)
            if not member.eof:
                raise zlib.error
            rest = member.unused_data.lstrip(b"\0")
    except zlib.error:
        reason = "is a damaged gzip file"
        raise RefusedFileError(path, reason, what=what, remedy=remedy) from None
    return b"".join(parts)


def unzip_only(
    content: bytes, path: Path, *, ending: str, max_bytes: int, what: str = "file"
) -> bytes | None:
    """The one file of this ending in a zip archive's `content`; None where there is not just one.

    So it is, too, for a damaged archive. Raises RefusedFileError where the file has more than
    `max_bytes`, or more than both 64 MiB and 200 times the archive.
    """
    limit = min(max_bytes, max(_FREE_BYTES, _MOST_EXPANSION * len(content)))
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = [name for name in archive.namelist() if name.lower().endswith(ending)]
            if len(names) != 1:
                return None
            with archive.open(names[0]) as member:
                found = member.read(limit + 1)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError):
        return None
    if len(found) > limit:
        reason = f"decompresses to more than {_name_bytes(limit)}"
        raise RefusedFileError(path, reason, what=what, remedy="Unpack it.")
    return found


def _describe_refusal(path: Path, error: OSError | ValueError) -> str:
    if isinstance(error, FileNotFoundError):
        return "is a link to nothing" if path.is_symlink() else "does not exist"
    if isinstance(error, IsADirectoryError):
        return "is a folder"
    if isinstance(error, OSError):
        # A device without a driver, a socket, a loop of links, a name that is too long.
        return f"can't be opened ({error.strerror or error})"
    return f"can't be opened ({error})"


def _name_kind(mode: int) -> str:
    return next((name for is_kind, name in _KINDS if is_kind(mode)), "no regular file")


def _name_bytes(count: int) -> str:
    return f"{count / MEBIBYTE:,.0f} MiB" if count >= MEBIBYTE else f"{count:,} bytes"
