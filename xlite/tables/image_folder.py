"""Where the images of a manifest lie: one scan below the image folder."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from xlite import console
from xlite.errors import InputError
from xlite.ids import canonical_image_name, canonical_image_names
from xlite.tables.manifest import Manifest
from xlite.tables.set_list import is_set_list, read_set_list

_MAX_NAMED = 5
_EXTENSIONS = (".png", ".jpg", ".jpeg", ".dcm", ".dicom", ".tif", ".tiff", ".bmp")


def locate_images(
    manifest: Manifest, images_dir: Path, *, skip_missing: bool | None = False
) -> Manifest:
    """The manifest with the absolute path of each image; see `find_images`."""
    paths = find_images(manifest.image_ids.tolist(), images_dir, skip_missing=skip_missing)
    located = replace(manifest, table=manifest.table.assign(path=[path or "" for path in paths]))
    return located.select(np.array([path is not None for path in paths]))


def find_images(
    image_ids: Sequence[str],
    images_dir: Path,
    *,
    skip_missing: bool | None = False,
    leave_out: Path | None = None,
) -> list[str | None]:
    """The absolute path of each image, found by one scan below `images_dir`; None where missing.

    `images_dir` may be a list of data sets instead, a TOML file that names a folder for each: the
    first folder of an image's name says which.

    An image is matched by its path below the folder, else by the end of one: its file name, for
    most (NIH ships `images_001/images/…` to `images_012/images/…`). One that is named without an
    extension, as sources that number their images do, has any of an image file. Links that lead
    out of the folder are not followed; the folder itself may be one. `leave_out` is a folder in it
    that is not searched.

    Missing images are an InputError, or are counted and said with `skip_missing` (None: an error
    without a word of --skip-missing); so is an image that lies in two folders.
    """
    if is_set_list(images_dir):
        return _find_listed(image_ids, images_dir, skip_missing=skip_missing, leave_out=leave_out)
    files = _scan(images_dir, leave_out)
    found = _match(image_ids, files)
    missing = [name for name, path in zip(image_ids, found, strict=True) if path is None]
    if missing:
        message = _describe_missing(missing, len(image_ids), files)
        if len(missing) == len(image_ids) or not skip_missing:
            remedy = _describe_remedy(missing, files)
            if skip_missing is False and len(missing) < len(image_ids):
                remedy = f"{remedy}, or --skip-missing to go on without them"
            raise InputError(f"{message} {remedy}.")
        console.warn(f"{message} They are left out.")
    elif files.links_out:
        console.say(files.describe_links())
    return [path and os.path.join(files.root, path) for path in found]  # noqa: PTH118


def list_files(images_dir: Path) -> list[tuple[str, str]]:
    """All files below a folder: the path below it, with `/`, and the absolute path, in order."""
    files = _scan(images_dir, None)
    if files.links_out:
        console.say(files.describe_links())
    return [(path, os.path.join(files.root, path)) for path in sorted(files.paths)]  # noqa: PTH118


def _find_listed(
    image_ids: Sequence[str], sets: Path, *, skip_missing: bool | None, leave_out: Path | None
) -> list[str | None]:
    """The path of each image of a merged table, each source's in its own folder."""
    folders = {one.source: one.images for one in read_set_list(sets)}
    names = [name.partition("/") for name in canonical_image_names(image_ids)]
    found: list[str | None] = [None] * len(names)
    for source in dict.fromkeys(first for first, _, _ in names):
        folder = folders.get(source)
        if folder is None:
            raise InputError(
                f"{sets} has no folder `images` for {source!r}, the first folder of images in the "
                "label table. Write it into that [[table]]."
            )
        rows = [row for row, (first, _, _) in enumerate(names) if first == source]
        paths = find_images(
            [names[row][2] for row in rows], folder, skip_missing=skip_missing, leave_out=leave_out
        )
        for row, path in zip(rows, paths, strict=True):
            found[row] = path
    return found


@dataclass
class _Files:
    """What lies below a folder; all paths are relative to it, with `/`."""

    named: Path
    """The folder as the user named it."""

    root: str
    """The folder without links."""

    paths: list[str] = field(default_factory=list)
    links_out: list[str] = field(default_factory=list)
    """Links that lead out of the folder; nothing behind them is in `paths`."""

    closed: list[str] = field(default_factory=list)
    """Folders that can't be read."""

    def describe_links(self) -> str:
        """A sentence about the links that were not followed."""
        first = self.links_out[0]
        target = os.path.realpath(os.path.join(self.root, first))  # noqa: PTH118
        verb = "leads out of it and is" if len(self.links_out) == 1 else "lead out of it and are"
        return (
            f"{_count(self.links_out, 'link')} in {self.named} {verb} not followed (first: {first} "
            f"to {target})."
        )


def _scan(images_dir: Path, leave_out: Path | None) -> _Files:
    root = os.path.realpath(images_dir)
    if not os.path.isdir(root):  # noqa: PTH112  (Path.is_dir raises what this answers)
        what = "is not a folder" if os.path.lexists(images_dir) else "does not exist"
        raise InputError(f"image folder {images_dir} {what}. Pass --images DIR.")
    files = _Files(images_dir, root)
    # Each real folder once: links within the folder may lead in circles.
    visited = set() if leave_out is None else {os.path.realpath(leave_out)}
    if root in visited:
        raise InputError(
            f"--images and --out are the same folder, {images_dir}. Pass another --out."
        )
    waiting = [("", root)]
    while waiting:
        prefix, real = waiting.pop()
        if real not in visited:
            visited.add(real)
            waiting.extend(reversed(_scan_folder(files, prefix, real)))
    if "" in files.closed:
        raise InputError(
            f"image folder {images_dir} can't be read. Check its permissions, or pass another "
            "--images DIR."
        )
    return files


def _scan_folder(files: _Files, prefix: str, real: str) -> list[tuple[str, str]]:
    """Note what lies in one folder; the folders in it, relative with `/` at the end, and real."""
    try:
        with os.scandir(real) as listing:
            entries = sorted(listing, key=lambda entry: entry.name)
    except OSError:
        files.closed.append(prefix)
        return []
    folders = []
    for entry in entries:
        relative, target = prefix + entry.name, entry.path
        if entry.is_symlink():
            target = os.path.realpath(target)
            if not target.startswith(os.path.join(files.root, "")):  # noqa: PTH118
                if target != files.root:
                    files.links_out.append(relative)
                continue
        if entry.is_dir():
            folders.append((f"{relative}/", target))
        else:
            files.paths.append(relative)
    return folders


def _match(image_ids: Sequence[str], files: _Files) -> list[str | None]:
    """The file of each image, or None; InputError for an image that lies in two folders."""
    wanted = canonical_image_names(image_ids)
    names = {name.rpartition("/")[2] for name in wanted}
    has_bare_names = not all(map(is_image_name, names))
    # Few of a folder's files may be images of the table.
    paths = [path for path in files.paths if _name_of(path) in names]
    by_name: dict[str, list[str]] = {}
    for path in paths:
        by_name.setdefault(canonical_image_name(path), []).append(path)
    if has_bare_names:
        _add_bare_names(by_name, [path for path in files.paths if _bare(_name_of(path)) in names])
    depths = {name.count("/") for name in wanted}
    endings = {depth: _by_ending(by_name, depth) for depth in depths}
    found: list[str | None] = []
    for name in wanted:
        matches = by_name.get(name) or endings[name.count("/")].get(name, [])
        if len(matches) > 1:
            raise InputError(
                f"{name} lies in two folders of {files.named}: {matches[0]} and {matches[1]}. "
                "Remove one, or use paths below the folder in the label table."
            )
        found.append(matches[0] if matches else None)
    return found


def _add_bare_names(by_name: dict[str, list[str]], paths: Iterable[str]) -> None:
    """Files by their path without an extension, beside those by the whole path."""
    for path in paths:
        name = canonical_image_name(path)
        if is_image_name(name):
            by_name.setdefault(_bare(name), []).append(path)


def _by_ending(by_name: Mapping[str, Sequence[str]], depth: int) -> dict[str, list[str]]:
    """The files by the last `depth` folders and the file name of what they are called."""
    by_ending: dict[str, list[str]] = {}
    for name, paths in by_name.items():
        ending = "/".join(name.split("/")[-depth - 1 :])
        by_ending.setdefault(ending, []).extend(paths)
    return by_ending


def is_image_name(name: str) -> bool:
    """Whether a name ends as those of image files do."""
    return name.lower().endswith(_EXTENSIONS)


def _bare(name: str) -> str:
    """A name without the extension of an image file."""
    return name.rpartition(".")[0] if is_image_name(name) else name


def _describe_missing(missing: Sequence[str], num_images: int, files: _Files) -> str:
    message = (
        f"{len(missing)} of {num_images} images in the label table are missing under "
        f"{files.named} (first: {_list(missing)})."
    )
    if len(missing) == num_images:
        message += (
            f" The folder holds {_count(files.paths, 'file')} (first: {_list(files.paths)})."
            if files.paths
            else " The folder holds no file."
        )
    if files.closed:
        message += (
            f" {_count(files.closed, 'folder')} in it can't be read (first: {files.closed[0]})."
        )
    if files.links_out:
        message += f" {files.describe_links()}"
    return message


def _describe_remedy(missing: Sequence[str], files: _Files) -> str:
    """What to do, the start of a sentence: names that nearly match say most."""
    by_name = {_name_of(path): path for path in reversed(files.paths)}
    by_stem = {_stem_of(path): path for path in reversed(files.paths)}
    for image_id in missing:
        name = _name_of(image_id)
        if name in by_name:
            return (
                f"{image_id} has the file name of {by_name[name]}: take the folders out of the "
                "label table's names, or pass as --images the folder that they begin in"
            )
        if _stem_of(image_id) in by_stem:
            return (
                f"{image_id} is {by_stem[_stem_of(image_id)]} but for extension or case: change "
                "one of them"
            )
    if files.links_out:
        return "Pass as --images the folder that the links lead to, or one that holds all images"
    return "Pass the folder that holds them as --images"


def _name_of(path: str) -> str:
    return canonical_image_name(path).rpartition("/")[2]


def _stem_of(path: str) -> str:
    """The file name without case and extension."""
    name = _name_of(path).casefold()
    return name.rpartition(".")[0] or name


def _list(names: Sequence[str]) -> str:
    return ", ".join(names[:_MAX_NAMED]) + (", …" if len(names) > _MAX_NAMED else "")


def _count(things: Sequence[str], word: str) -> str:
    return f"{len(things):,} {word}{'' if len(things) == 1 else 's'}"
