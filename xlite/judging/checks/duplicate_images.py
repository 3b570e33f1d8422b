"""XL002: one picture in two parts of a split, under two names."""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

from xlite import console
from xlite.clahe_cache.record import read_stored_pixels
from xlite.inputs import open_regular
from xlite.judging.checks.check import Check, Issue, NotApplicable, Observation, Passed
from xlite.judging.examined.split import ExaminedSplit
from xlite.tables.image_folder import find_images

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

_MOST_SHOWN = 3
_CHUNK = 1 << 20


def look(split: ExaminedSplit) -> Observation:
    """Images of different parts whose pixels in the CLAHE cache, or whose files in `--images`, are
    the same byte for byte, whatever they are called.

    Pixels are compared where their checksums are equal, files where their sizes are. Only identical
    pictures are found: not one that was saved again, cropped or turned. A cache that lies in the
    project is taken as it is.
    """
    if len(split.parts) < 2:
        return NotApplicable(f"the split has one part, {', '.join(split.parts)}")
    if split.cache_dir is None and split.images_dir is None:
        return NotApplicable(
            "neither a CLAHE cache nor a folder of images is at hand. Pass --cache or --images"
        )
    part_of = {str(name): part for part, table in split.parts.items() for name in table.image_ids}
    groups = [*_same_pixels(split, part_of), *_same_files(split, part_of)]
    pairs = {
        (one, other)
        for names in groups
        for one, other in combinations(sorted(names), 2)
        if part_of[one] != part_of[other]
    }
    numbers = {"images": len(part_of), "identical pairs": len(pairs)}
    if not pairs:
        return Passed(
            f"no two of the {len(part_of):,} images are identical across parts; pictures that were "
            "saved again are not found",
            numbers,
        )
    shown = ", ".join(
        f"{one} ({part_of[one]}) and {other} ({part_of[other]})"
        for one, other in sorted(pairs)[:_MOST_SHOWN]
    )
    more = ", …" if len(pairs) > _MOST_SHOWN else ""
    return Issue(f"{len(pairs):,} pairs of images are identical: {shown}{more}.", numbers)


def _same_pixels(split: ExaminedSplit, part_of: dict[str, str]) -> Iterator[list[str]]:
    """Groups of images whose cached pixels are equal."""
    cache = split.cache
    if cache is None:
        return
    rows = {name: row for row, name in enumerate(cache.image_ids)}
    stored = read_stored_pixels(cache.path)
    keys = {one.image_id: one.crc32 for one in stored if one.image_id in part_of}
    # Of 112,120 checksums of 32 bits one or two pairs agree by chance.
    yield from _confirm(_group(keys), part_of, lambda name: cache.read(rows[name]).tobytes())


def _same_files(split: ExaminedSplit, part_of: dict[str, str]) -> Iterator[list[str]]:
    """Groups of images whose files are equal."""
    if split.images_dir is None:
        return
    names = list(part_of)
    with console.hushed():
        paths = find_images(names, split.images_dir, skip_missing=True)
    found = {name: path for name, path in zip(names, paths, strict=True) if path is not None}
    sizes = {name: os.path.getsize(path) for name, path in found.items()}  # noqa: PTH202
    yield from _confirm(_group(sizes), part_of, lambda name: _hash_file(Path(found[name])))


def _group(keys: dict[str, int]) -> list[list[str]]:
    """Names with equal keys, two or more of each."""
    groups: dict[int, list[str]] = defaultdict(list)
    for name, key in keys.items():
        groups[key].append(name)
    return [names for names in groups.values() if len(names) > 1]


def _confirm(
    candidates: list[list[str]], part_of: dict[str, str], content: Callable[[str], Hashable]
) -> Iterator[list[str]]:
    """The groups whose content is equal, and which are of more than one part."""
    for names in candidates:
        if len({part_of[name] for name in names}) < 2:
            continue
        same: dict[Hashable, list[str]] = defaultdict(list)
        for name in names:
            same[content(name)].append(name)
        yield from (found for found in same.values() if len(found) > 1)


def _hash_file(path: Path) -> bytes:
    digest = hashlib.sha256()
    with open_regular(path, what="image") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.digest()


CHECK = Check(
    code="XL002",
    title="the same picture in two parts",
    severity="error",
    subject=ExaminedSplit,
    look=look,
    consequence="The model is judged on pictures that it was trained on, and patients that have "
    "two ids are on both sides.",
    remedy="Give both names to one patient, or drop one of them, and make the split anew.",
)
