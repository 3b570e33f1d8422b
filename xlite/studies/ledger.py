"""A study's ledger: numbered files that are written once, on a folder that machines may share.

An entry takes its number by a hard link, which a file server makes for one of several writers
alone. Who appends says by that how many entries he has seen: with another one there by then he has
to look again. So every entry was written in sight of all before it, and whoever reads them in their
order comes to the same state.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
from collections.abc import Sequence
from pathlib import Path

from filelock import FileLock

from xlite.errors import InputError
from xlite.records import parse_validated, read_own_bytes
from xlite.studies.ledger_entries import ENTRY, Entry

_NAME = re.compile(r"(\d{6,})\.json")
_MAX_BYTES = 16 << 20
_REMEDY = (
    "Entries are written whole and never changed: restore the file from a copy of the study, or "
    "begin another study with another name; finished runs are found again."
)
_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)


class Ledger:
    """The entries of a `ledger/` folder in their order, as far as they have been read."""

    def __init__(self, folder: Path, *, needs_links: bool = True) -> None:
        """Nothing is read or made before `refresh` or `append`.

        needs_links: whether a folder without hard links is refused; else a lock keeps the writers
        apart there, which a file server may know nothing of.
        """
        self.folder = folder
        self._needs_links = needs_links
        self._entries: list[Entry] = []

    @property
    def entries(self) -> Sequence[Entry]:
        """What has been read; entry number n is the n-th, from 1."""
        return self._entries

    def path_of(self, number: int) -> Path:
        """The file of an entry."""
        return self.folder / f"{number:06d}.json"

    def refresh(self) -> list[Entry]:
        """Read what has been written since; returns that.

        Raises InputError for an entry that is damaged, foreign, or of a newer version.
        """
        new = []
        while (path := self.path_of(len(self._entries) + 1)).exists():
            entry = _read_entry(path)
            self._entries.append(entry)
            new.append(entry)
        return new

    def append(self, entry: Entry) -> bool:
        """Write the entry behind those that have been read; whether it was.

        It was not when another writer was faster: `refresh`, and decide again. Raises InputError
        where the folder can't be written to or has no hard links, the disk being full included.
        """
        path = self.path_of(len(self._entries) + 1)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            is_written = _write_once(path, ENTRY.dump_json(entry), needs_link=self._needs_links)
        except OSError as error:
            raise InputError(_describe(error, self.folder)) from None
        if is_written:
            self._entries.append(entry)
        return is_written

    def require_whole(self) -> None:
        """Raise InputError for entries behind one that is missing: none can go on from there."""
        while later := [name for name in self.find_foreign() if _NAME.fullmatch(name)]:
            # Another process may have written them since the last look.
            if not self.refresh():
                path = self.path_of(len(self._entries) + 1)
                raise InputError(f"{path} is missing, and {later[0]} is there. {_REMEDY}")

    def find_foreign(self) -> list[str]:
        """The names in the folder that are no entry's, and entries behind a gap."""
        if not self.folder.is_dir():
            return []
        last = len(self._entries)
        names = [path.name for path in self.folder.iterdir() if not path.name.startswith(".")]
        return sorted(
            name for name in names if not (found := _NAME.fullmatch(name)) or int(found[1]) > last
        )


def _read_entry(path: Path) -> Entry:
    content = read_own_bytes(path, max_bytes=_MAX_BYTES, remedy=_REMEDY)
    return parse_validated(
        content, ENTRY.validate_json, where=str(path), newest_schema=1, remedy=_REMEDY
    )


def _write_once(path: Path, content: bytes, *, needs_link: bool) -> bool:
    """Write a file that exists whole or not at all; False when it was there already."""
    temporary = path.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(temporary, path)
        except OSError as error:
            # A file server's answer may be lost after the deed. Asked again it may even say that
            # the file exists, and an agent would leave an item alone that it holds itself.
            if not _is_same_file(temporary, path):
                if isinstance(error, FileExistsError):
                    return False
                if needs_link or error.errno not in _NO_LINKS:
                    raise
                return _move_once(temporary, path)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
    return True


def _move_once(temporary: Path, path: Path) -> bool:
    with FileLock(path.with_name(".lock")):
        if path.exists():
            return False
        temporary.replace(path)
    return True


def _is_same_file(temporary: Path, path: Path) -> bool:
    # Not by the number of links, which a client of the server may know from before.
    with contextlib.suppress(OSError):
        return temporary.samefile(path)
    return False


def _describe(error: OSError, folder: Path) -> str:
    if error.errno in _NO_LINKS:
        return (
            f"{folder} is on a file system without hard links, which keep two writers of a ledger "
            "apart. Pass an --out on another one."
        )
    return f"{folder} can't be written to: {error.strerror}. Mend that; nothing is lost."
