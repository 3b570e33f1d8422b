"""Which films may be one, of many, in time that grows little faster than they do.

Words that agree in a few of their coarsest bits are found by sorting; the more films there are, the
more bits. Films are candidates when two pairs of words or more put one of them in the same place on
the other: chest films share single words by the thousand, but hardly ever two in one position.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from xlite.splitting.near_duplicates.film import SIDE, WORD_BITS, FilmMarks

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

MOST_UNLIKE = 12
"""Bits of 62 in which words of one film may differ: 99 % of theirs differ in fewer."""

_COARSE_BITS = 36
_FEWEST_BITS, _MOST_BITS = 14, 34
_MOST_NEIGHBOURS = 64
_WORDS_AT_ONCE = 1 << 23

# What an altered film may do: be cropped and turned a little, and mirrored or turned by quarters.
_MOST_GROWTH = math.log(1.4)
_MOST_DEGREES = 12.0
_MOST_SHIFT = 24.0

# How near two positions have to be to be one.
_SAME_GROWTH = 0.15
_SAME_RADIANS = 0.14
_SAME_PIXELS = 6.0
_HITS_COMPARED = 8

_MOST_PAIRS = 64


@dataclass(frozen=True)
class Candidate:
    """Two films that may be one, and where the first would lie on the second."""

    first: int
    second: int
    placements: tuple[Placement, ...]
    """The positions to try, the best supported first."""


@dataclass(frozen=True)
class Placement:
    """The first film is mirrored where it is, turned, grown and shifted: z to `turn` z + `shift`.

    Points are complex, x + iy, in pixels of the shrunk film; a mirrored one has -x.
    """

    is_mirrored: bool
    turn: complex
    shift: complex


class FilmIndex:
    """The words of all films, W in all, ready to be compared."""

    def __init__(self, films: Iterable[FilmMarks]) -> None:
        marks = list(films)
        counts = [len(one.words) for one in marks]
        self.words: NDArray[np.uint64] = _join([one.words for one in marks], np.uint64, ())
        self.owners = np.repeat(np.arange(len(marks), dtype=np.int32), counts)
        self.ends: NDArray[np.float16] = _join(
            [one.points[one.ends] for one in marks], np.float16, (2, 2)
        )
        """(W, 2, 2): x and y of both marks."""
        self.is_mirrored: NDArray[np.bool_] = _join(
            [one.is_mirrored for one in marks], np.bool_, ()
        )

    def find_candidates(self) -> Iterator[Candidate]:
        """The pairs of films that agree in two words or more, and in what those say of position."""
        one, other = self._find_hits()
        if not len(one):
            return
        mirrored, turn, centre = self._place(one, other)
        pair = self.owners[one].astype(np.int64) << 32 | self.owners[other]
        order = np.lexsort((mirrored, pair))
        support = _count_agreeing(pair[order], mirrored[order], turn[order], centre[order])
        order, support = order[support > 0], support[support > 0]
        if not len(order):
            return
        starts = np.flatnonzero(np.diff(pair[order], prepend=-1))
        firsts, seconds = self.owners[one[order[starts]]], self.owners[other[order[starts]]]
        is_kept = _keep_best(firsts, seconds, np.add.reduceat(support, starts))
        ends = np.append(starts[1:], len(order))
        for place in np.flatnonzero(is_kept):
            hits = slice(starts[place], ends[place])
            best = order[hits][np.argsort(-support[hits], kind="stable")]
            tried = dict.fromkeys((0, len(best) // 2, len(best) - 1))
            yield Candidate(
                first=int(firsts[place]),
                second=int(seconds[place]),
                placements=tuple(
                    _placement(bool(mirrored[hit]), complex(turn[hit]), complex(centre[hit]))
                    for hit in best[list(tried)]
                ),
            )

    def _find_hits(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Pairs of words of two films, each once, that are alike and put them in likely places."""
        found: list[NDArray[np.int64]] = []
        for mask in _choose_masks(len(self.words)):
            for rows in self._split_rows(mask):
                found += self._find_alike(rows, mask)
        if not found:
            return np.empty(0, np.int64), np.empty(0, np.int64)
        hits = np.unique(np.concatenate(found))
        return hits >> 32, hits & 0xFFFFFFFF

    def _split_rows(self, mask: np.uint64) -> Iterator[NDArray[np.int64]]:
        """Rows in groups of a few million, words that agree in the mask's bits in one."""
        bits = max(0, math.ceil(math.log2(max(1, len(self.words)) / _WORDS_AT_ONCE)))
        if not bits:
            yield np.arange(len(self.words))
            return
        group = (self.words & mask) % np.uint64(_prime_above(1 << bits))
        for one in range(_prime_above(1 << bits)):
            yield np.flatnonzero(group == one)

    def _find_alike(self, rows: NDArray[np.int64], mask: np.uint64) -> Iterator[NDArray[np.int64]]:
        keys = self.words[rows] & mask
        order = np.argsort(keys, kind="stable")
        rows, keys = rows[order], keys[order]
        words = self.words[rows]
        # As many neighbours as this are looked at, however many films have a word: so a crowd of
        # films that are all one stays connected, at no quadratic cost.
        for step in range(1, _MOST_NEIGHBOURS):
            places = np.flatnonzero(keys[step:] == keys[:-step])
            if not len(places):
                return
            unlike = np.bitwise_count(words[places] ^ words[places + step])
            places = places[unlike <= MOST_UNLIKE]
            one, other = rows[places], rows[places + step]
            one, other = np.minimum(one, other), np.maximum(one, other)
            is_kept = self.owners[one] != self.owners[other]
            one, other = one[is_kept], other[is_kept]
            is_likely = _is_likely(*self._place(one, other))
            yield one[is_likely] << 32 | other[is_likely]

    def _place(
        self, one: NDArray[np.int64], other: NDArray[np.int64]
    ) -> tuple[NDArray[np.bool_], NDArray[np.complex128], NDArray[np.complex128]]:
        """What each pair of words says: whether one film is mirrored; turn and growth as a factor;
        where its middle comes to lie, from the middle of the other."""
        middle = (SIDE - 1) / 2
        mirrored = self.is_mirrored[one] != self.is_mirrored[other]
        ends = self.ends[one].astype(np.float64) - middle
        others = self.ends[other].astype(np.float64) - middle
        x = np.where(mirrored[:, None], -ends[:, :, 0], ends[:, :, 0])
        from_points = x + 1j * ends[:, :, 1]
        to_points = others[:, :, 0] + 1j * others[:, :, 1]
        turn = (to_points[:, 1] - to_points[:, 0]) / (from_points[:, 1] - from_points[:, 0])
        return mirrored, turn, to_points[:, 0] - turn * from_points[:, 0]


def _join(arrays: Sequence[NDArray[Any]], dtype: DTypeLike, shape: tuple[int, ...]) -> NDArray[Any]:
    joined = [array.astype(dtype) for array in arrays]
    return np.concatenate([np.empty((0, *shape), dtype), *joined])


def _choose_masks(num_words: int) -> list[np.uint64]:
    """Three sets of coarse bits: as many as tell that many words apart.

    One word in three survives the loss of any bit; a second and a third set double what is found.
    """
    count = min(max(math.ceil(math.log2(max(num_words, 2))), _FEWEST_BITS), _MOST_BITS)
    coarse = list(range(_COARSE_BITS))
    orders = (coarse, coarse[::2] + coarse[1::2], coarse[1::2] + coarse[::2])
    return [np.uint64(sum(1 << (WORD_BITS - 1 - bit) for bit in order[:count])) for order in orders]


def _prime_above(number: int) -> int:
    """The smallest prime that is larger: a divisor that mixes any bits."""
    number += 1
    while any(number % divisor == 0 for divisor in range(2, math.isqrt(number) + 1)):
        number += 1
    return number


def _is_likely(
    mirrored: NDArray[np.bool_], turn: NDArray[np.complex128], centre: NDArray[np.complex128]
) -> NDArray[np.bool_]:
    quarter = np.pi / 2
    angle = np.angle(turn)
    rest = np.abs(angle - quarter * np.rint(angle / quarter))
    is_likely: NDArray[np.bool_] = (
        (np.abs(np.log(np.maximum(np.abs(turn), 1e-6))) < _MOST_GROWTH)
        & (rest < math.radians(_MOST_DEGREES))
        & (np.abs(centre) < _MOST_SHIFT)
    )
    return is_likely


def _count_agreeing(
    pair: NDArray[np.int64],
    mirrored: NDArray[np.bool_],
    turn: NDArray[np.complex128],
    centre: NDArray[np.complex128],
) -> NDArray[np.int64]:
    """For each hit, in the order of pairs, how many of the next ones put the film where it does."""
    growth, angle = np.log(np.abs(turn)), np.angle(turn)
    support = np.zeros(len(pair), np.int64)
    for step in range(1, _HITS_COMPARED + 1):
        turned = np.abs(angle[step:] - angle[:-step])
        agrees = (
            (pair[step:] == pair[:-step])
            & (mirrored[step:] == mirrored[:-step])
            & (np.abs(growth[step:] - growth[:-step]) < _SAME_GROWTH)
            & (np.minimum(turned, 2 * np.pi - turned) < _SAME_RADIANS)
            & (np.abs(centre[step:] - centre[:-step]) < _SAME_PIXELS)
        )
        support[step:] += agrees
        support[:-step] += agrees
    return support


def _keep_best(
    first: NDArray[np.int32], second: NDArray[np.int32], support: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Which pairs are among the best supported of either film.

    It bounds what is aligned where films are alike by design: of synthetic ones 7 in 10 pairs are
    candidates, of real ones 2 in 10,000.
    """
    is_kept = np.zeros(len(first), np.bool_)
    for film in (first, second):
        order = np.lexsort((-support, film))
        starts = np.flatnonzero(np.diff(film[order], prepend=-1))
        rank = np.arange(len(order)) - np.repeat(starts, np.diff(np.append(starts, len(order))))
        is_kept[order[rank < _MOST_PAIRS]] = True
    return is_kept


def _placement(mirrored: bool, turn: complex, centre: complex) -> Placement:
    # From coordinates about the middle to those of pixels; mirroring is about the middle, too.
    middle = complex((SIDE - 1) / 2, (SIDE - 1) / 2)
    start = complex(-middle.real if not mirrored else middle.real, -middle.imag)
    return Placement(is_mirrored=mirrored, turn=turn, shift=turn * start + centre + middle)
