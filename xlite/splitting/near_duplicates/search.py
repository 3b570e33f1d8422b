"""All pairs of films that are one, of films that are given one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from xlite import console
from xlite.results.near_duplicates import FilmPair
from xlite.splitting.near_duplicates.alignment import (
    MIN_CORRELATION,
    Alignment,
    align_films,
    finest_detail,
)
from xlite.splitting.near_duplicates.film import FilmMarks, describe_film
from xlite.splitting.near_duplicates.index import Candidate, FilmIndex

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_DETAILS_KEPT = 2048
"""Of 64 KB each."""


def search_films(
    names: Sequence[str],
    films: Iterable[NDArray[np.uint8] | None],
    recall: Callable[[int], NDArray[np.uint8]],
    *,
    least: float = MIN_CORRELATION,
) -> list[FilmPair]:
    """The pairs of images that are one film, in the order of the names.

    films: one a name, as `shrink_film` gives them; None for one that can't be read, which is in no
    pair. recall: a film again, by its place, for those that are looked at twice. least: the
    correlation from which on two films are called one. 3 KB an image are held.
    """
    marks: list[FilmMarks | None] = []
    with console.progress_bar(len(names), "near-duplicates", "image") as bar:
        for film in films:
            marks.append(None if film is None else describe_film(film))
            bar.update()
    places = [place for place, one in enumerate(marks) if one is not None]
    known = [one for one in marks if one is not None]

    @lru_cache(_DETAILS_KEPT)
    def detail(film: int) -> NDArray[np.float32]:
        return finest_detail(recall(places[film]))

    found = []
    for candidate in FilmIndex(known).find_candidates():
        alignment = _align(candidate, known, detail)
        if alignment.correlation >= least:
            first, second = (names[places[film]] for film in (candidate.first, candidate.second))
            found.append(_to_pair(first, second, alignment))
    return found


def _align(
    candidate: Candidate, marks: Sequence[FilmMarks], detail: Callable[[int], NDArray[np.float32]]
) -> Alignment:
    """The best of the placements' alignments, the first one that is good enough."""
    first, second = candidate.first, candidate.second
    best = Alignment(correlation=0, is_inverted=False, is_mirrored=False, degrees=0, scale=1)
    for placement in candidate.placements:
        details = detail(first), detail(second)
        found = align_films(marks[first], marks[second], details, placement)
        if found is not None and found.correlation > best.correlation:
            best = found
        if best.correlation >= MIN_CORRELATION:
            break
    return best


def _to_pair(first: str, second: str, alignment: Alignment) -> FilmPair:
    return FilmPair(
        first=first,
        second=second,
        correlation=round(alignment.correlation, 4),
        is_mirrored=alignment.is_mirrored,
        is_inverted=alignment.is_inverted,
        degrees=round(alignment.degrees, 2),
        scale=round(alignment.scale, 4),
    )
