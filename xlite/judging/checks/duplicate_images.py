"""XL002: one picture in two parts of a split, under two names."""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

from xlite import console
from xlite.clahe_cache.record import read_stored_pixels
from xlite.inputs import open_regular
from xlite.judging.checks.check import Check, Issue, NotApplicable, Observation, Passed
from xlite.judging.examined.split import ExaminedSplit
from xlite.splitting.near_duplicates.sources import recall_pairs, search_files
from xlite.tables.image_folder import find_images

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

_MOST_SHOWN = 3
_CHUNK = 1 << 20


def look(split: ExaminedSplit) -> Observation:
    """Images of different parts that are the same byte for byte, whatever they are called, or that
    are the same film altered.

    Pixels in the CLAHE cache are compared where their checksums are equal, files in `--images`
    where their sizes are. A film that was cropped, turned, mirrored, inverted or saved again is
    found as by `xlite split --audit --images`: in `--images`, at 10 ms an image, and in a cache
    where they were looked for before, as by `xlite cache-clahe --near-duplicates`. A cache that
    lies in the project is taken as it is.
    """
    if len(split.parts) < 2:
        return NotApplicable(f"the split has one part, {', '.join(split.parts)}")
    if split.cache_dir is None and split.images_dir is None:
        return NotApplicable(
            "neither a CLAHE cache nor a folder of images is at hand. Pass --cache or --images"
        )
    part_of = {str(name): part for part, table in split.parts.items() for name in table.image_ids}
    groups = [*_same_pixels(split, part_of), *_same_files(split, part_of)]
    identical = _cross_parts(
        part_of, (pair for names in groups for pair in combinations(sorted(names), 2))
    )
    altered, is_searched = _same_films(split, part_of)
    altered -= identical
    numbers = {
        "images": len(part_of),
        "identical pairs": len(identical),
        **({"altered pairs": len(altered)} if is_searched else {}),
    }
    if not identical and not altered:
        how = "identical, nor one film altered," if is_searched else "identical"
        rest = "" if is_searched else "; pictures that were saved again are not found"
        return Passed(
            f"no two of the {len(part_of):,} images are {how} across parts{rest}", numbers
        )
    said = [
        _describe(pairs, part_of, what)
        for pairs, what in ((identical, "identical"), (altered, "one film, altered"))
        if pairs
    ]
    return Issue(" ".join(said), numbers)


def _cross_parts(part_of: dict[str, str], pairs: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    return {(one, other) for one, other in pairs if part_of[one] != part_of[other]}


def _describe(pairs: set[tuple[str, str]], part_of: dict[str, str], what: str) -> str:
    shown = ", ".join(
        f"{one} ({part_of[one]}) and {other} ({part_of[other]})"
        for one, other in sorted(pairs)[:_MOST_SHOWN]
    )
    more = ", …" if len(pairs) > _MOST_SHOWN else ""
    return f"{len(pairs):,} pairs of images are {what}: {shown}{more}."


def _same_films(split: ExaminedSplit, part_of: dict[str, str]) -> tuple[set[tuple[str, str]], bool]:
    """Pairs across parts that are one film, and whether any were looked for."""
    known = None if split.cache is None else recall_pairs(split.cache)
    pairs = list(known or ())
    if split.images_dir is not None:
        paths = _find_paths(split.images_dir, part_of)
        pairs += search_files(list(paths), list(paths.values()))[0]
    named = (tuple(sorted((pair.first, pair.second))) for pair in pairs)
    ours = ((one, other) for one, other in named if one in part_of and other in part_of)
    return _cross_parts(part_of, ours), known is not None or split.images_dir is not None


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
    found = _find_paths(split.images_dir, part_of)
    sizes = {name: os.path.getsize(path) for name, path in found.items()}  # noqa: PTH202
    yield from _confirm(_group(sizes), part_of, lambda name: _hash_file(Path(found[name])))


def _find_paths(folder: Path, part_of: dict[str, str]) -> dict[str, str]:
    names = list(part_of)
    with console.hushed():
        paths = find_images(names, folder, skip_missing=True)
    return {name: path for name, path in zip(names, paths, strict=True) if path is not None}


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
