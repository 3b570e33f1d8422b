"""Which films and labels boxes are of, and whether they lie on the film.

N films, C labels.
"""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from xlite.clahe_cache.radiograph import UnreadableImageError, measure_radiograph
from xlite.errors import InputError
from xlite.ids import canonical_image_name, match_image_names

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

Box = tuple[float, float, float, float]
"""Left, top, width, height in pixels of the film."""

_ROUNDING = 1.0
"""Pixels by which a box may reach over the edge of its film: that of whoever wrote it."""

_UNREADABLE = "of films that could not be read"


@dataclass(frozen=True, kw_only=True)
class MatchedBoxes:
    """Boxes by film and label."""

    by_pair: Mapping[tuple[int, int], tuple[Box, ...]]
    """By row and column; several readers' or several places' of one label are one region."""
    shapes: Mapping[int, tuple[int, int]]
    """Height and width of each film with a box, by row."""
    left_out: Mapping[str, int]
    """Boxes by the reason that they are not judged."""

    @property
    def num_boxes(self) -> int:
        """How many there are."""
        return sum(map(len, self.by_pair.values()))

    def keep(self, rows: NDArray[np.int64]) -> MatchedBoxes:
        """Those of some films, which are numbered anew; others are left out as not to be read.

        rows: (N,) ascending. Raises InputError where that leaves none.
        """
        place_of = {row: place for place, row in enumerate(rows.tolist())}
        by_pair = {
            (place_of[row], column): found
            for (row, column), found in self.by_pair.items()
            if row in place_of
        }
        lost = self.num_boxes - sum(map(len, by_pair.values()))
        if not lost:
            left_out = self.left_out
        elif by_pair:
            left_out = {**self.left_out, _UNREADABLE: self.left_out.get(_UNREADABLE, 0) + lost}
        else:
            raise InputError(
                f"none of the films with the {lost:,} boxes could be read. Replace them, or leave "
                "the boxes out."
            )
        shapes = {place_of[row]: one for row, one in self.shapes.items() if row in place_of}
        return MatchedBoxes(by_pair=by_pair, shapes=shapes, left_out=left_out)

    def mask(self, num_films: int, num_labels: int) -> NDArray[np.bool_]:
        """(N, C) whether a film has a box of a label."""
        has_box = np.zeros((num_films, num_labels), dtype=bool)
        for row, column in self.by_pair:
            has_box[row, column] = True
        return has_box


NO_BOXES = MatchedBoxes(by_pair={}, shapes={}, left_out={})


def match_boxes(
    boxes: pd.DataFrame,
    image_ids: Sequence[str],
    paths: Sequence[str],
    labels: Sequence[str],
    *,
    left_out: Mapping[str, int] | None = None,
) -> MatchedBoxes:
    """The boxes (`read_box_list`) of N films of these names and files, and of C labels.

    Boxes of other films, of films that can't be read, and of labels that the run does not know,
    are left out and counted beside those that were `left_out` before. Raises InputError where none
    is left, and for a box that lies beyond its film.
    """
    rows = _match_films(boxes["image_id"], image_ids)
    column_of = {label: column for column, label in enumerate(labels)}
    by_pair: dict[tuple[int, int], list[Box]] = {}
    is_known = boxes["label"].isin(labels).to_numpy() & (rows >= 0)
    shapes = _measure({row: paths[row] for row in sorted(set(rows[is_known].tolist()))})
    reasons = Counter(left_out or {})
    sides = boxes[["x", "y", "width", "height"]].to_numpy(dtype=np.float64)
    for row, label, box in zip(rows.tolist(), boxes["label"], sides.tolist(), strict=True):
        if row < 0:
            reasons["of films that are not among these"] += 1
        elif label not in column_of:
            reasons[f"of {label}, which the run does not know"] += 1
        elif row not in shapes:
            reasons[_UNREADABLE] += 1
        else:
            by_pair.setdefault((row, column_of[label]), []).append(tuple(box))
    if not by_pair:
        said = "; ".join(f"{count} {why}" for why, count in reasons.items())
        raise InputError(
            f"none of the {len(boxes)} boxes is of these films and of the run's labels: {said}. "
            f"The first box is of {boxes['image_id'].iloc[0]}, {boxes['label'].iloc[0]}; the first "
            f"film is {image_ids[0]}. Pass the films and labels that the boxes are of."
        )
    _require_inside(by_pair, shapes, image_ids, labels)
    return MatchedBoxes(
        by_pair={pair: tuple(found) for pair, found in sorted(by_pair.items())},
        shapes=shapes,
        left_out=dict(reasons),
    )


def _match_films(names: pd.Series[str], image_ids: Sequence[str]) -> NDArray[np.intp]:
    """(n,) the film of each name, less than 0 where there is none; extensions may be left out."""
    rows = match_image_names(names, image_ids)
    is_open = rows < 0
    if is_open.any():
        rows[is_open] = match_image_names(
            [_bare(name) for name in names[is_open]], [_bare(name) for name in image_ids]
        )
    return rows


def _bare(name: str) -> str:
    """A name without what follows the last point of its file name, as in `1.dcm`, never `1.5`."""
    stem, point, ending = canonical_image_name(str(name)).rpartition(".")
    return stem if point and ending.isalnum() and not ending.isdigit() else stem + point + ending


def _measure(paths: Mapping[int, str]) -> dict[int, tuple[int, int]]:
    """Height and width of each film that has some."""
    shapes = {}
    for row, path in paths.items():
        with suppress(UnreadableImageError):
            shapes[row] = measure_radiograph(path)
    return shapes


def _require_inside(
    by_pair: Mapping[tuple[int, int], Sequence[Box]],
    shapes: Mapping[int, tuple[int, int]],
    image_ids: Sequence[str],
    labels: Sequence[str],
) -> None:
    beyond = []
    for (row, column), boxes in by_pair.items():
        height, width = shapes[row]
        for left, top, across, down in boxes:
            edges = (-left, -top, left + across - width, top + down - height)
            if max(edges) > _ROUNDING:
                beyond.append((row, column, (left, top, across, down)))
    if beyond:
        row, column, (left, top, across, down) = beyond[0]
        height, width = shapes[row]
        total = sum(map(len, by_pair.values()))
        raise InputError(
            f"{len(beyond)} of {total} boxes lie beyond their films. First: the {labels[column]} "
            f"of {image_ids[row]} is from ({left:g}, {top:g}) to ({left + across:g}, "
            f"{top + down:g}), and the film is {width} x {height} pixels. Boxes are in pixels of "
            "the image as it was published: pass those images, or scale the boxes."
        )
