"""The journal of a cache that is being built: which images are finished, so that none is redone.

The first line holds the recipe, each further line one finished image; a line is appended after
its pixels were handed to the operating system. After a crash or a power failure an image counts
as finished only when its line is whole and the pixels on the disk have the CRC in the line.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO, Self

from pydantic import ValidationError

from xlite import console, files
from xlite.clahe_cache.file_names import CACHE_INDEX, CACHE_RECORD
from xlite.clahe_cache.integrity import describe_damage, find_damaged, recall_verification
from xlite.clahe_cache.record import (
    CachedImage,
    CacheRecipe,
    CacheRecord,
    parse_journal_line,
    read_index,
    require_same_index,
)
from xlite.errors import InputError
from xlite.inputs import MAX_TABLE_BYTES
from xlite.records import read_own_bytes

JOURNAL = "building.jsonl"

_AFRESH = "Start afresh with --rebuild, or use another --out."


class Journal:
    """An open journal; `append` makes images count as finished. Use it as a context manager."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    @classmethod
    def start(cls, out: Path, recipe: CacheRecipe, finished: Iterable[CachedImage]) -> Self:
        """Replace the journal in `out`, atomically, by one with these images, and open it."""
        path = out / JOURNAL
        with (
            files.atomic_path(path) as temporary,
            temporary.open("w", encoding="utf-8", newline="\n") as file,
        ):
            file.write(json.dumps(recipe.model_dump()) + "\n")
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


def read_journal(out: Path) -> tuple[CacheRecipe, list[CachedImage]]:
    """The recipe and the images of the journal in `out`; a torn or foreign line is left out.

    Where an image or a row is named twice, the later line holds. Raises InputError when not
    even the recipe can be read.
    """
    path = out / JOURNAL
    content = read_own_bytes(path, max_bytes=MAX_TABLE_BYTES, remedy=_AFRESH)
    recipe_line, *lines = content.split(b"\n")
    try:
        recipe = CacheRecipe.model_validate_json(recipe_line)
    except ValidationError:
        raise InputError(f"{path} is damaged: its first line is no recipe. {_AFRESH}") from None
    images = [image for line in lines if (image := parse_journal_line(line)) is not None]
    by_row = {image.row: image for image in images}
    return recipe, list({image.image_id: image for image in by_row.values()}.values())


def verified_images(
    out: Path, recipe: CacheRecipe, images: Iterable[CachedImage]
) -> list[CachedImage]:
    """Those of `images` whose pixels in `out` have the CRC that was recorded."""
    listed = {image.image_id: image for image in images}
    for image in find_damaged(out, recipe, [image.stored for image in listed.values()]):
        del listed[image.image_id]
    return list(listed.values())


def read_complete(out: Path, recipe: CacheRecipe) -> tuple[CacheRecord, list[CachedImage]]:
    """The record and the images of a complete cache; InputError when it has other settings."""
    record = CacheRecord.open(out)
    _check_recipe(out, record, recipe)
    images = read_index(out)
    require_same_index(out, record, [image.stored for image in images])
    return record, images


def known_images(out: Path, recipe: CacheRecipe) -> list[CachedImage]:
    """The images in `out` whose pixels are whole, whatever state it is in.

    Raises InputError when they were made by other settings or another OpenCV.
    """
    if (out / CACHE_RECORD).exists():
        record, images = read_complete(out, recipe)
        require_same_opencv(out, record, recipe)
        if recall_verification(out, record, [image.image_id for image in images]):
            return images
        return _without_damaged(out, record, images)
    if (out / JOURNAL).exists():
        begun, images = read_journal(out)
        _check_recipe(out, begun, recipe)
        require_same_opencv(out, begun, recipe)
        return verified_images(out, begun, images)
    return []


def require_recognisable(out: Path) -> None:
    """Raise InputError where no file in `out` can be read as a cache's: what to discard is unsure.

    A folder of somebody's may hold files of the same names.
    """
    readers: list[Callable[[], object]] = [
        lambda: CacheRecord.read(out / CACHE_RECORD, remedy=""),
        lambda: read_journal(out),
        lambda: read_index(out),
    ]
    for read in readers:
        with contextlib.suppress(InputError):
            read()
            return
    raise InputError(
        f"Neither {CACHE_RECORD} nor {CACHE_INDEX} in {out} can be read as a "
        "cache's, so that nothing there is discarded. Remove the folder yourself, or pass another "
        "--out."
    )


def listed_ids(out: Path) -> set[str]:
    """The images that the index or the journal in `out` names, as far as they can be read."""
    ids: set[str] = set()
    with contextlib.suppress(InputError):
        ids.update(image.image_id for image in read_index(out))
    with contextlib.suppress(InputError):
        ids.update(image.image_id for image in read_journal(out)[1])
    return ids


def require_same_opencv(out: Path, former: CacheRecipe, recipe: CacheRecipe) -> None:
    """Raise InputError where images of `former` and of `recipe` may differ in their pixels."""
    if former.opencv != recipe.opencv:
        raise InputError(
            f"The CLAHE cache in {out} was begun with OpenCV {former.opencv} and this is "
            f"{recipe.opencv}, whose pixels may differ. Start afresh with --rebuild, use "
            "another --out, or install that version."
        )


def _without_damaged(
    out: Path, record: CacheRecord, images: list[CachedImage]
) -> list[CachedImage]:
    whole = verified_images(out, record, images)
    if len(whole) < len(images):
        kept = {image.image_id for image in whole}
        damaged = [image.stored for image in images if image.image_id not in kept]
        message = describe_damage(out, damaged, len(images))
        console.warn(f"{message} They are made again.")
    return whole


def _check_recipe(out: Path, former: CacheRecipe, recipe: CacheRecipe) -> None:
    differences = [
        f"{name} {getattr(former, name)} (now {value})"
        for name, value in recipe.model_dump(exclude={"opencv", "schema_version"}).items()
        # None is of versions whose caches hold no such films.
        if getattr(former, name) not in (value, None)
    ]
    if differences:
        raise InputError(
            f"The CLAHE cache in {out} was made with other settings: {', '.join(differences)}. "
            "Use another --out, or start afresh with --rebuild."
        )


def _line(image: CachedImage) -> str:
    # Not asdict: it copies every field deeply, which takes longer than the rest.
    return json.dumps(vars(image)) + "\n"
