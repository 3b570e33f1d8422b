"""The one place that decides whether a file or folder is ours to write, replace or delete.

Ours is what carries our own marker or format. Anything else stays as it is: it is replaced only
where the user says `--overwrite`, and deleted never. Nothing is written through a link.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from xlite.errors import InputError
from xlite.inputs import RefusedFileError, open_regular

_HEAD_BYTES = 1 << 16
_MAX_NAME = 255


def require_replaceable_file(
    path: Path,
    *,
    is_ours: Callable[[bytes], bool],
    option: str = "--out",
    overwrite: bool | None = False,
) -> None:
    """Raise InputError unless the file `path` is absent, or is ours, so that it may be replaced.

    is_ours: whether the first 64 KiB of a file are those of one that we wrote. overwrite: any
    regular file may be replaced; None where the command has no such option. A folder, a link, a
    pipe or a device never is, nor a file that is there and can't be read.
    """
    require_writable_folder(path.parent, option=option)
    refuse_links([path], option=option)
    # lexists: what can't be looked at is still there.
    if not os.path.lexists(path):
        return
    try:
        with open_regular(path) as file:
            head = file.read(_HEAD_BYTES)
    except RefusedFileError as error:
        raise InputError(f"{path} {error.reason}. Pass another {option}.") from None
    if not overwrite and not is_ours(head):
        remedy = f"Pass another {option}" + (", or --overwrite" if overwrite is not None else "")
        raise InputError(f"{path} was not written by this command, and is not replaced. {remedy}.")


def require_our_folder(
    folder: Path,
    *,
    markers: Iterable[str],
    names: Iterable[str],
    what: str,
    option: str = "--out",
) -> None:
    """Raise InputError when `folder` holds any of `names` without any of `markers`, or links.

    names: files and folders that the command writes there. markers: those of our files that say
    that the folder is ours. An absent or otherwise filled folder is fine.
    """
    require_writable_folder(folder, option=option)
    marker_paths = [folder / name for name in markers]
    paths = [folder / name for name in names]
    refuse_links([*marker_paths, *paths], option=option)
    if any(path.is_file() for path in marker_paths):
        return
    found = [path.name for path in paths if os.path.lexists(path)]
    if found:
        raise InputError(
            f"{folder} holds {found[0]}, and nothing says that it belongs to {what}. Pass a new or "
            f"empty folder as {option}."
        )


def refuse_links(paths: Iterable[Path], *, option: str = "--out") -> None:
    """Raise InputError when one of `paths` is a link: what it leads to is not ours."""
    for path in paths:
        if path.is_symlink():
            raise InputError(
                f"{path} is a link, and nothing is written through links. Remove it, or pass "
                f"another {option}."
            )


def require_writable_folder(folder: Path, *, option: str = "--out") -> None:
    """Raise InputError unless `folder` is one that we can write to, or can be made.

    The folder itself may be a link to a folder. Nothing is made or changed.
    """
    if "\0" in str(folder):
        raise InputError(f"{str(folder)!r} is no name for a folder. Pass another {option}.")
    too_long = [part for part in folder.parts if len(os.fsencode(part)) > _MAX_NAME]
    if too_long:
        raise InputError(
            f"{too_long[0][:20]}… is too long for a name ({len(os.fsencode(too_long[0]))} bytes). "
            f"Pass another {option}."
        )
    place = folder
    try:
        while not os.path.lexists(place):
            place = place.parent
        is_folder = place.is_dir()
    except (OSError, ValueError) as error:
        raise InputError(f"{folder} can't be used ({error}). Pass another {option}.") from None
    if not is_folder:
        raise InputError(f"{place} is not a folder. Pass another {option}.")
    # What is asked is whether a file could be made there: /proc says yes and means no.
    if not os.access(place, os.W_OK | os.X_OK) or _is_without_files(place):
        raise InputError(
            f"{place} can't be written to. Check its permissions, or pass another {option}."
        )


def _is_without_files(folder: Path) -> bool:
    return any(folder.resolve().is_relative_to(name) for name in ("/proc", "/sys", "/dev/fd"))
