"""Where the images of a manifest lie: one scan below the image folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath

from xlite import console
from xlite.dataset.manifest import Manifest
from xlite.errors import InputError


def locate_images(manifest: Manifest, images_dir: Path, *, skip_missing: bool = False) -> Manifest:
    """The manifest with the absolute path of each image, found by one scan below `images_dir`.

    An image is matched by its path below the folder, else by its file name (NIH ships
    `images_001/images/…` to `images_012/images/…`). Images that are missing are an InputError,
    or are left out, counted, with `skip_missing`; so is a file name that lies in two folders.
    """
    if not images_dir.is_dir():
        raise InputError(f"image folder {images_dir} does not exist. Pass --images DIR.")
    root = images_dir.resolve()
    by_path, by_name = _index_files(root, wanted=set(manifest.image_ids))
    paths: list[str] = []
    missing: list[str] = []
    for image_id in manifest.image_ids:
        key = PurePosixPath(image_id.replace("\\", "/")).as_posix()
        found = [key] if key in by_path else by_name.get(key, [])
        if len(found) > 1:
            raise InputError(
                f"{image_id} lies in two folders of {images_dir}: {found[0]} and {found[1]}. "
                "Remove one, or use paths below the folder in the label table."
            )
        if not found:
            missing.append(image_id)
        paths.append(str(root / found[0]) if found else "")
    if missing:
        names = ", ".join(missing[:5]) + (", …" if len(missing) > 5 else "")
        message = (
            f"{len(missing)} of {len(manifest)} images in the label table are missing under "
            f"{images_dir} (first: {names})"
        )
        if len(missing) == len(manifest):
            raise InputError(f"{message}. Pass --images DIR.")
        if not skip_missing:
            raise InputError(
                f"{message}. Pass --images DIR, or --skip-missing to go on without them."
            )
        console.warn(f"{message}; they are left out.")
    located = replace(manifest, table=manifest.table.assign(path=paths))
    return located.select(located.table["path"].to_numpy() != "")


def _index_files(root: Path, *, wanted: set[str]) -> tuple[set[str], dict[str, list[str]]]:
    names = {PurePosixPath(image_id.replace("\\", "/")).name for image_id in wanted}
    by_path: set[str] = set()
    by_name: dict[str, list[str]] = {}
    for relative in _walk(root):
        name = relative.rpartition("/")[2]
        if name in names:
            by_path.add(relative)
            by_name.setdefault(name, []).append(relative)
    return by_path, by_name


def _walk(root: Path) -> Iterator[str]:
    # Data sets are often linked into place, so links are followed; each real folder once.
    visited: set[str] = set()
    for folder, subfolders, files in os.walk(root, followlinks=True):
        real = os.path.realpath(folder)
        if real in visited:
            subfolders.clear()
            continue
        visited.add(real)
        subfolders.sort()
        relative = Path(folder).relative_to(root).as_posix()
        prefix = "" if relative == "." else f"{relative}/"
        for name in sorted(files):
            yield prefix + name
