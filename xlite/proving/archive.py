"""The zip of a bundle: the same bytes for the same members, and nothing read from it unlooked at.

A bundle comes from somebody else. Before a byte of it is unpacked its list of members is judged: by
number, names, kinds and sizes, so that none can leave the folder that it is unpacked in, stand for
another, or fill the disk.
"""

from __future__ import annotations

import re
import stat
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from xlite.errors import InputError
from xlite.files import atomic_path
from xlite.inputs import MEBIBYTE, open_regular

MAX_MEMBERS = 200_000
"""A search of 1,000 runs of 100 epochs each, with what each epoch said."""
MAX_BYTES = 64 * 1024 * MEBIBYTE
"""Of all members, unpacked: ten times a study of a thousand runs on 22,433 images."""
MAX_MEMBER_BYTES = 2048 * MEBIBYTE

_FREE_BYTES = 64 * MEBIBYTE
_MOST_EXPANSION = 200
"""Predictions shrink to a half, records to a tenth; a bomb to a thousandth."""

_BEGINNING = (1980, 1, 1, 0, 0, 0)
_NAME = re.compile(r"[A-Za-z0-9_@~+=,()\[\]. -]+(?:/[A-Za-z0-9_@~+=,()\[\]. -]+)*")
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?", re.IGNORECASE)
_MAX_NAME = 400
_BLOCK = 1 << 20
_REMEDY = "Get the bundle again, as `xlite bundle` wrote it."


def write_archive(path: Path, members: Mapping[str, Path], *, last: str) -> None:
    """Write files as the members of a zip, by name and `last` behind all, atomically.

    Times, modes and the machine are left out, so that equal members make equal bytes.
    """
    names = [*sorted(name for name in members if name != last), last]
    with (
        atomic_path(path) as temporary,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive,
    ):
        for name in names:
            _require_name(name, path)
            entry = zipfile.ZipInfo(name, _BEGINNING)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3
            entry.external_attr = (stat.S_IFREG | 0o644) << 16
            archive.writestr(entry, members[name].read_bytes())


def unpack_archive(path: Path, folder: Path) -> list[str]:
    """The names of the members of the zip `path`, once they are unpacked into an empty `folder`.

    Raises InputError, before anything is unpacked, for what is no zip, is damaged or encrypted, has
    a name twice, a name that leads out of the folder, a link, or more members or bytes than are
    read; and while it is unpacked for a member that is other than the list says.
    """
    with open_regular(path, what="bundle", remedy=_REMEDY) as file:
        try:
            with zipfile.ZipFile(file) as archive:
                entries = archive.infolist()
                _require_sound(entries, path)
                for entry in entries:
                    _unpack(archive, entry, folder, path)
        except InputError:
            raise
        except (
            *(zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, EOFError, OSError),
            *(NotImplementedError, RuntimeError, ValueError, OverflowError),
        ) as error:
            raise InputError(f"{path} is no zip that can be read ({error}). {_REMEDY}") from None
    return [entry.filename for entry in entries]


def _require_sound(entries: list[zipfile.ZipInfo], path: Path) -> None:
    if len(entries) > MAX_MEMBERS:
        raise InputError(f"{path} has {len(entries):,} members, more than {MAX_MEMBERS:,}.")
    seen: dict[str, str] = {}
    total = 0
    for entry in entries:
        name = entry.filename
        _require_name(name, path)
        # Two names that differ in case alone are one file on half of all machines.
        if (other := seen.get(name.lower())) is not None:
            twice = f"has {name!r} twice" if other == name else f"has {other!r} and {name!r}"
            raise InputError(f"{path} {twice}, of which one would hide the other. {_REMEDY}")
        seen[name.lower()] = name
        mode = entry.external_attr >> 16
        if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
            raise InputError(f"{path}: {name!r} is a link or no regular file. {_REMEDY}")
        if entry.flag_bits & 0x1:
            raise InputError(f"{path} is encrypted, and bundles are not. {_REMEDY}")
        if entry.compress_type not in (zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED):
            raise InputError(f"{path}: {name!r} is packed in a way that bundles are not. {_REMEDY}")
        allowed = min(MAX_MEMBER_BYTES, max(_FREE_BYTES, _MOST_EXPANSION * entry.compress_size))
        if entry.file_size > allowed:
            raise InputError(
                f"{path}: {name!r} would unpack to {entry.file_size:,} bytes from "
                f"{entry.compress_size:,}, more than is unpacked. {_REMEDY}"
            )
        total += entry.file_size
    packed = path.stat().st_size
    if total > min(MAX_BYTES, max(2 * _FREE_BYTES, _MOST_EXPANSION * packed)):
        raise InputError(
            f"{path} would unpack to {total:,} bytes from {packed:,}, more than is unpacked. "
            f"{_REMEDY}"
        )
    parents = {name.rpartition("/")[0] for name in seen}
    nested = next((name for name in seen if name in parents), None)
    if nested is not None:
        raise InputError(f"{path}: {seen[nested]!r} is a file and a folder. {_REMEDY}")


def _require_name(name: str, path: Path) -> None:
    parts = name.split("/")
    is_sound = (
        _NAME.fullmatch(name)
        and len(name) <= _MAX_NAME
        and all(not part.endswith((".", " ")) and not part.startswith(" ") for part in parts)
        and not any(_RESERVED.fullmatch(part) for part in parts)
    )
    if not is_sound:
        raise InputError(
            f"{path}: a member is called {name[:80]!r}, and none may be that leads out of its "
            f"folder or is called otherwise on another machine. {_REMEDY}"
        )


def _unpack(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, folder: Path, path: Path) -> None:
    target = folder / entry.filename
    target.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(entry) as member, target.open("xb") as file:
        if _copy(member, file, entry.file_size) != entry.file_size:
            raise InputError(
                f"{path}: {entry.filename!r} is not as long as the list of members says. {_REMEDY}"
            )


def _copy(member: IO[bytes], file: IO[bytes], limit: int) -> int:
    """The number of bytes copied, which stops once there are more than `limit`."""
    count = 0
    while count <= limit and (block := member.read(_BLOCK)):
        file.write(block)
        count += len(block)
    return count
