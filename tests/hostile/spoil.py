"""Ways to spoil a file: what one finds on other people's disks, and what an attacker leaves."""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hostile.cases import Spoil

Fault = Callable[[Path], None]
"""Spoils the file at a path."""

BOMB_BYTES = 3 << 30


def on(path: str, *faults: Fault) -> Spoil:
    """Spoils the one file of a project that the pattern `path` names first."""

    def spoil(project: Path) -> None:
        target = min(project.glob(path), default=project / path)
        for fault in faults:
            fault(target)

    return spoil


def both(*spoils: Spoil) -> Spoil:
    """All of them, in turn."""

    def spoil(project: Path) -> None:
        for one in spoils:
            one(project)

    return spoil


def write(content: str | bytes) -> Fault:
    """The file has this content; folders are made."""

    def fault(path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)

    return fault


def edit(change: Callable[[str], str]) -> Fault:
    """The file's text is changed, which has to change something."""

    def fault(path: Path) -> None:
        before = path.read_bytes().decode()
        after = change(before)
        assert after != before, f"{path} was not spoiled"
        path.write_bytes(after.encode("utf-8", "surrogatepass"))

    return fault


def swap(old: str, new: str) -> Fault:
    """The first `old` in the file is `new`."""
    return edit(lambda text: text.replace(old, new, 1))


def edit_bytes(change: Callable[[bytes], bytes]) -> Fault:
    """The file's bytes are changed, which has to change something."""

    def fault(path: Path) -> None:
        before = path.read_bytes()
        after = change(before)
        assert after != before, f"{path} was not spoiled"
        path.write_bytes(after)

    return fault


def edit_json(change: Callable[[Any], object]) -> Fault:
    """The JSON object in the file is changed in place."""

    def fault(path: Path) -> None:
        value = json.loads(path.read_text())
        change(value)
        path.write_text(json.dumps(value))

    return fault


def edit_rows(change: Callable[[list[list[str]]], object]) -> Fault:
    """The rows of a CSV without quotes, its header the first, are changed in place."""

    def fault(path: Path) -> None:
        rows = [line.split(",") for line in path.read_text().splitlines()]
        change(rows)
        path.write_text("".join(",".join(row) + "\n" for row in rows))

    return fault


def remove(path: Path) -> None:
    """The file or folder is gone."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def empty(path: Path) -> None:
    """The file has no bytes."""
    write(b"")(path)


def folder_instead(path: Path) -> None:
    """A folder stands where the file was."""
    remove(path)
    path.mkdir(parents=True)


def fifo_instead(path: Path) -> None:
    """A named pipe that nobody writes to stands where the file was."""
    remove(path)
    os.mkfifo(path)


def socket_instead(path: Path) -> None:
    """A socket stands where the file was."""
    remove(path)
    before = Path.cwd()
    os.chdir(path.parent)  # a socket's path is at most 107 bytes long
    try:
        socket.socket(socket.AF_UNIX).bind(path.name)
    finally:
        os.chdir(before)


def link_to(target: str) -> Fault:
    """A link to `target`, as seen from the file's folder, stands where the file was."""

    def fault(path: Path) -> None:
        remove(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(target)

    return fault


def link_to_itself(path: Path) -> None:
    """A link in a circle stands where the file was."""
    remove(path)
    path.symlink_to(path.name)


def halve(path: Path) -> None:
    """The second half is cut off."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def sparse(num_bytes: int) -> Fault:
    """The file claims to have this many bytes and holds none."""

    def fault(path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            file.truncate(num_bytes)

    return fault


def gzip_bomb(path: Path) -> None:
    """A gzip of a few megabytes that would fill gigabytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    member = gzip.compress(bytes(64 << 20), 9)
    with path.open("wb") as file:
        for _ in range(BOMB_BYTES // (64 << 20)):
            file.write(member)


FILE_FAULTS: dict[str, Fault] = {
    "empty": empty,
    "blank": write("\n \n"),
    "folder": folder_instead,
    "fifo": fifo_instead,
    "socket": socket_instead,
    "dangling link": link_to("nowhere/at/all"),
    "circular link": link_to_itself,
    "link to a device": link_to("/dev/zero"),
    "link to a folder": link_to("."),
    "noise": write(bytes(range(256)) * 40),
    "NUL bytes": write(bytes(4000)),
    "UTF-16": edit_bytes(lambda content: content.decode("latin-1").encode("utf-16")),
    "cut in the middle": halve,
    "sparse": sparse(20 << 30),
}
"""What may stand in place of any file."""

DEEP = "[" * 100_000 + "]" * 100_000
DIGITS = "1" * 5_000

JSON_FAULTS: dict[str, Fault] = {
    "a list": write("[1, 2]"),
    "a number": write("7"),
    "null": write("null"),
    "an empty object": write("{}"),
    "deep": write('{"deep": ' + DEEP + "}"),
    "many digits": write('{"seed": ' + DIGITS + "}"),
    "many digits in place": edit(
        lambda text: re.sub(r"(?<=: )[\d.]+(?=[,\n}])", DIGITS, text, count=1)
    ),
    "lone surrogate": write('{"labels": "\\ud800"}'),
    "a comma too many": edit(lambda text: text.rstrip()[:-1] + ",}"),
    "two objects": edit(lambda text: text + text),
    "newer schema": edit_json(lambda value: value.update(schema_version=999)),
    "schema of text": edit_json(lambda value: value.update(schema_version="two")),
}
"""What may stand in a JSON file of ours."""

WRONG_VALUES: dict[str, object] = {
    "null": None,
    "text": "\x1b[31m[/red]",
    "a list": [[]],
    "an object": {"a": {"b": []}},
    "a negative number": -1,
    "infinity": float("inf"),
}
"""What may stand where a JSON file of ours has another type."""


def without_key(*keys: str) -> Fault:
    """The key at the end of this path of keys is missing; `*` is the first of a list or object."""

    def change(value: Any) -> None:
        place, key = _find(value, keys)
        del place[key]

    return edit_json(change)


def with_value(new: object, *keys: str) -> Fault:
    """The key at the end of this path of keys has another value."""

    def change(value: Any) -> None:
        place, key = _find(value, keys)
        place[key] = new

    return edit_json(change)


def _find(value: Any, keys: tuple[str, ...]) -> tuple[Any, Any]:
    """What holds the last of `keys`, and what it calls it."""
    place, name = None, None
    for key in keys:
        place = value if name is None else place[name]
        name = key if key != "*" else next(iter(place)) if isinstance(place, dict) else 0
    return place, name
