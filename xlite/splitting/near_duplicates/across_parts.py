"""Films that stand in two parts of a split under two names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xlite import console
from xlite.clahe_cache.folder import is_complete
from xlite.clahe_cache.store import ClaheCache
from xlite.errors import InputError
from xlite.ids import canonical_image_names, match_image_names
from xlite.results.near_duplicates import FilmPair, NearDuplicate
from xlite.splitting.near_duplicates.sources import search_cache, search_files
from xlite.tables.image_folder import find_images

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MOST_NAMED = 3


def find_across_parts(
    parts: Mapping[str, Sequence[str] | NDArray[Any]], images: Path
) -> tuple[tuple[NearDuplicate, ...], tuple[str, ...]]:
    """The films that stand in two parts under two names, and warnings about what was not seen.

    parts: names of images by the part. images: the folder that holds them, or a CLAHE cache of
    them. Images of one name are no pair; pairs within a part are counted in a warning. Raises
    InputError where `images` is no such folder, or holds none of them.
    """
    parts_of: dict[str, list[str]] = {}
    spelled: dict[str, str] = {}
    for part, names in parts.items():
        for name, key in zip(names, canonical_image_names(names), strict=True):
            spelled.setdefault(str(key), str(name))
            parts_of.setdefault(spelled[str(key)], []).append(part)
    names = list(parts_of)
    search = _search_cache if is_complete(images) else _search_folder
    pairs, warnings = search(names, images)
    across, within = [], Counter[str]()
    for pair in pairs:
        standing = product(dict.fromkeys(parts_of[pair.first]), parts_of[pair.second])
        apart = next(((one, other) for one, other in standing if one != other), None)
        if apart is None:
            within[parts_of[pair.first][0]] += 1
        else:
            across.append(NearDuplicate(**pair.to_dict(), parts="|".join(apart)))
    warnings += [
        f"{part}: {count:,} pairs of its own images are one film each; they count twice."
        for part, count in within.items()
    ]
    return tuple(across), tuple(warnings)


def _search_folder(names: Sequence[str], images: Path) -> tuple[list[FilmPair], list[str]]:
    with console.hushed():
        found = find_images(names, images, skip_missing=True)
    paths = {name: path for name, path in zip(names, found, strict=True) if path is not None}
    pairs, unreadable = search_files(list(paths), list(paths.values()))
    missing = [name for name in names if name not in paths]
    warnings = _warn(missing, len(names), f"not below {images}")
    if unreadable:
        shown = [f"{name}: {reason}" for name, reason in unreadable.items()]
        warnings += _warn(shown, len(names), "unreadable")
    return pairs, warnings


def _search_cache(names: Sequence[str], images: Path) -> tuple[list[FilmPair], list[str]]:
    cache = ClaheCache.open(images)
    rows = match_image_names(names, cache.image_ids)
    ours = {cache.image_ids[row]: name for name, row in zip(names, rows, strict=True) if row >= 0}
    if not ours:
        raise InputError(
            f"the CLAHE cache in {images} has none of the {len(names):,} images of the parts. Pass "
            "the cache or the folder of these images."
        )
    pairs = [
        FilmPair(**{**pair.to_dict(), "first": ours[pair.first], "second": ours[pair.second]})
        for pair in search_cache(cache)
        if pair.first in ours and pair.second in ours
    ]
    missing = [name for name, row in zip(names, rows, strict=True) if row < 0]
    return pairs, _warn(missing, len(names), f"not in the CLAHE cache in {images}")


def _warn(left_out: Sequence[str], count: int, why: str) -> list[str]:
    if not left_out:
        return []
    more = ", …" if len(left_out) > _MOST_NAMED else ""
    return [
        f"{len(left_out):,} of {count:,} images were not looked at for near-duplicates: {why} "
        f"(first: {', '.join(left_out[:_MOST_NAMED])}{more})."
    ]
