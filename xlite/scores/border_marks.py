"""Marks on a film's border and corners that go with a label: burnt-in letters, tags and tokens.

N images of as many patients, C labels, G x G cells of a film. Targets are (N, C) int8: 1 present, 0
absent, -1 unknown.

Only the outer eighth of a film is looked at, at low resolution. A cell has a mark where something
smaller than a cell is brighter or darker than what is around it by a share of the film's range;
several shares are tried. Anatomy that reaches the border is larger than that, and no mark. A label
goes with the marks of a region where more of its positives have one than chance allows, by the
exact hypergeometric test, within strata of what the table says of the label (Cochran 1968,
Biometrics 24:295: five strata of a score take away nine tenths of what it explains), so that
letters that merely tell the view are not held against each label of those who lie. p is Holm's over
all regions, shares, signs and labels.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import grey_closing, grey_opening
from scipy.stats import hypergeom

from xlite.scores.multiplicity import adjust_holm

if TYPE_CHECKING:
    from numpy.typing import NDArray

GRID = 16
"""Cells a side; two rows of them are the border."""
LEVEL = 0.01
"""Of any false alarm in a study."""

_DEPTH = 2
_CORNER = 4
_CONTRASTS = (0.3, 0.5, 0.7, 0.9)
_FEWEST_MARKED = 4
_NUM_STRATA = 5


@dataclass(frozen=True, kw_only=True)
class MarkFinding:
    """A region whose marks go with a label."""

    column: int
    """The label's."""
    place: str
    marked_positives: int
    positives: int
    marked_negatives: int
    negatives: int
    p: float
    """Corrected for all regions, shares, signs and labels."""


def measure_contrast(film: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(2, G, G): how bright, and how dark, the most striking small thing of a cell is.

    film: (S, S), S a multiple of G. By the white and the black top-hat (Serra 1982), which take
    away all that is wider than a cell; in shares of the film's range.
    """
    side, width = len(film) // GRID, len(film) // GRID + 1
    grey = film.astype(np.float32)
    low, high = np.percentile(film, (0.5, 99.5))
    hats = np.stack(
        [grey - grey_opening(grey, (width, width)), grey_closing(grey, (width, width)) - grey]
    )
    strongest = hats.reshape(2, GRID, side, GRID, side).max(axis=(2, 4))
    return np.asarray(strongest / max(float(high - low), 1.0), dtype=np.float32)


def find_marks(
    contrast: NDArray[np.float32], targets: NDArray[np.int8], scores: NDArray[np.float64]
) -> list[MarkFinding]:
    """The labels that go with marks, each with the region that tells it best.

    contrast: (N, 2, G, G) of films of as many patients. scores: (N, C) what the table says.
    """
    regions = [
        (place, np.asarray((contrast[:, sign, rows, columns] > least).any(axis=(1, 2))))
        for least in _CONTRASTS
        for sign in (0, 1)
        for place, rows, columns in _list_regions()
    ]
    strata = [_stratify(scores[:, c], targets[:, c]) for c in range(targets.shape[1])]
    found = [
        _count(place, marked, targets[:, c], strata[c], c)
        for place, marked in regions
        for c in range(targets.shape[1])
    ]
    corrected = adjust_holm(np.array([one.p for one in found]))
    best: dict[int, tuple[float, MarkFinding]] = {}
    for one, p in zip(found, corrected, strict=True):
        if p < LEVEL and (one.column not in best or one.p < best[one.column][0]):
            best[one.column] = one.p, MarkFinding(**{**vars(one), "p": float(p)})
    return [best[column][1] for column in sorted(best)]


def _list_regions() -> Iterator[tuple[str, slice, slice]]:
    """Windows of 2 x 2 cells along the border, and the corners."""
    ends = {"upper": slice(0, _CORNER), "lower": slice(GRID - _CORNER, GRID)}
    sides = {"left": slice(0, _CORNER), "right": slice(GRID - _CORNER, GRID)}
    for end, rows in ends.items():
        for side, columns in sides.items():
            yield f"the {end} {side} corner", rows, columns
    last = GRID - _DEPTH
    for start in range(last + 1):
        along, first, far = slice(start, start + _DEPTH), slice(0, _DEPTH), slice(last, GRID)
        where = f"{100 * start // last} % along"
        yield f"the upper edge, {where}", first, along
        yield f"the lower edge, {where}", far, along
        if 0 < start < last:
            yield f"the left edge, {where}", along, first
            yield f"the right edge, {where}", along, far


def _stratify(scores: NDArray[np.float64], targets: NDArray[np.int8]) -> NDArray[np.intp]:
    """(N,) strata of equal numbers of positives, by what the table says of them."""
    of_positives = scores[targets == 1]
    if not of_positives.size:
        return np.zeros(len(scores), dtype=np.intp)
    edges = np.unique(np.quantile(of_positives, np.linspace(0, 1, _NUM_STRATA + 1)[1:-1]))
    return edges.searchsorted(scores, side="right").astype(np.intp)


def _count(
    place: str,
    marked: NDArray[np.bool_],
    targets: NDArray[np.int8],
    strata: NDArray[np.intp],
    column: int,
) -> MarkFinding:
    is_known, is_positive = targets >= 0, targets == 1
    together = int((marked & is_positive).sum())
    return MarkFinding(
        column=column,
        place=place,
        marked_positives=together,
        positives=int(is_positive.sum()),
        marked_negatives=int((marked & (targets == 0)).sum()),
        negatives=int((targets == 0).sum()),
        p=_test(together, marked[is_known], is_positive[is_known], strata[is_known]),
    )


def _test(
    together: int,
    marked: NDArray[np.bool_],
    is_positive: NDArray[np.bool_],
    strata: NDArray[np.intp],
) -> float:
    """The chance of as many marked positives, given how many of either a stratum has."""
    if together < _FEWEST_MARKED:
        return 1.0
    size = int(strata.max()) + 1
    sizes = np.bincount(strata, minlength=size)
    of_marked = np.bincount(strata[marked], minlength=size)
    positives = np.bincount(strata[is_positive], minlength=size)
    if together <= (of_marked * positives / np.maximum(sizes, 1)).sum():
        return 1.0
    chances = np.ones(1)
    for total, ones, drawn in zip(sizes, positives, of_marked, strict=True):
        if ones and drawn:
            counts = np.arange(min(ones, drawn) + 1)
            chances = np.convolve(chances, hypergeom.pmf(counts, total, ones, drawn))
    return float(min(1.0, max(chances[together:].sum(), 0.0)))
