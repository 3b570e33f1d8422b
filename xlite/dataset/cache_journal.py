"""The journal of a cache that is being built: which images are finished, so that none is redone.

The first line holds the recipe, each further line one finished image; a line is appended after
its pixels were handed to the operating system. After a crash or a power failure an image counts
as finished only when its line is whole and the pixels on the disk have the CRC in the line.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any, Self

import numpy as np

from xlite import artifacts
from xlite.dataset.cache import CachedImage, cached_image_of, png_name, read_index, read_png
from xlite.errors import InputError

JOURNAL = "building.jsonl"


class Journal:
    """An open journal; `append` makes images count as finished. Use it as a context manager."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    @classmethod
    def start(cls, out: Path, recipe: dict[str, Any], finished: Iterable[CachedImage]) -> Self:
        """Replace the journal in `out`, atomically, by one with these images, and open it."""
        path = out / JOURNAL
        with (
            artifacts.atomic_path(path) as temporary,
            temporary.open("w", encoding="utf-8", newline="\n") as file,
        ):
            file.write(json.dumps(recipe) + "\n")
            file.writelines(_line(image) for image in finished)
        return cls(path.open("a", encoding="utf-8", newline="\n"))

    def append(self, images: Iterable[CachedImage]) -> None:
        """Record finished images; once this returns, they survive the end of the process."""
        self._file.writelines(_line(image) for image in images)
        self._file.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._file.close()


def read_journal(out: Path) -> tuple[dict[str, Any], list[CachedImage]]:
    """The recipe and the images of the journal in `out`; a torn or foreign line is left out.

    Where an image or a row is named twice, the later line holds. Raises InputError when not
    even the recipe can be read.
    """
    path = out / JOURNAL
    recipe_line, *lines = path.read_bytes().split(b"\n")
    try:
        recipe = json.loads(recipe_line)
    except ValueError:
        recipe = None
    if not isinstance(recipe, dict):
        raise InputError(f"{path} is damaged. Start afresh with --rebuild, or use another --out.")
    by_row: dict[int, CachedImage] = {}
    for line in lines:
        try:
            image = cached_image_of(json.loads(line))
        except (ValueError, KeyError, TypeError):
            continue
        by_row[image.row] = image
    return recipe, list({image.image_id: image for image in by_row.values()}.values())


def verified_images(
    out: Path, recipe: dict[str, Any], images: Iterable[CachedImage]
) -> list[CachedImage]:
    """Those of `images` whose pixels in `out` have the CRC that was recorded."""
    if recipe["format"] == "png":
        return [image for image in images if _png_crc32(out, image) == image.crc32]
    path = out / artifacts.CACHE_IMAGES
    num_bytes = int(recipe["size"]) ** 2
    if not path.exists() or path.stat().st_size == 0:
        return []
    stored = np.memmap(path, np.uint8, mode="r")
    return [
        image
        for image in images
        if (image.row + 1) * num_bytes <= stored.size
        and zlib.crc32(stored[image.row * num_bytes : (image.row + 1) * num_bytes].data)
        == image.crc32
    ]


def read_complete(out: Path, recipe: dict[str, Any]) -> tuple[dict[str, Any], list[CachedImage]]:
    """The record and the images of a complete cache; InputError when it has other settings."""
    remedy = "Start afresh with --rebuild, or use another --out."
    record = artifacts.read_json(out / artifacts.CACHE_RECORD, remedy=remedy)
    _check_recipe(out, record, recipe)
    missing = [name for name in ("source_fingerprint", "bytes") if name not in record]
    if missing:
        raise InputError(f"{out / artifacts.CACHE_RECORD} has no {missing[0]}. {remedy}")
    return record, read_index(out / artifacts.CACHE_INDEX)


def known_images(out: Path, recipe: dict[str, Any]) -> list[CachedImage]:
    """The images in `out` that can be trusted, whatever state it is in.

    Raises InputError when they were made by other settings or another OpenCV.
    """
    if (out / artifacts.CACHE_RECORD).exists():
        record, known = read_complete(out, recipe)
    elif (out / JOURNAL).exists():
        record, listed = read_journal(out)
        _check_recipe(out, record, recipe)
        known = verified_images(out, record, listed)
    else:
        return []
    if record.get("opencv") != recipe["opencv"]:
        raise InputError(
            f"The CLAHE cache in {out} was begun with OpenCV {record.get('opencv')} and this is "
            f"{recipe['opencv']}, whose pixels may differ. Start afresh with --rebuild, use "
            "another --out, or install that version."
        )
    return known


def _check_recipe(out: Path, record: dict[str, Any], recipe: dict[str, Any]) -> None:
    differences = [
        f"{name} {record.get(name)} (now {value})"
        for name, value in recipe.items()
        if name != "opencv" and record.get(name) != value
    ]
    if differences:
        raise InputError(
            f"The CLAHE cache in {out} was made with other settings: {', '.join(differences)}. "
            "Use another --out, or start afresh with --rebuild."
        )


def _png_crc32(out: Path, image: CachedImage) -> int | None:
    pixels = read_png(out / png_name(image.image_id))
    return None if pixels is None else zlib.crc32(np.ascontiguousarray(pixels).data)


def _line(image: CachedImage) -> str:
    # Not asdict: it copies every field deeply, which takes longer than the rest.
    return json.dumps(vars(image)) + "\n"
