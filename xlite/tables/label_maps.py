"""Labels of one vocabulary in terms of another's, and what that does to the cells of a table.

The relations are those of SKOS (W3C, 2009), said of the label that is made (the target) and one
that the table has (the source). Every statement follows from which set of films lies in which:

- exact: the same films. The source's cell is the target's.
- broader: each film with the source has the target. Present makes the target present, uncertain
  makes it uncertain; absent says nothing, unless the sources are declared to be complete, so that
  a film without any of them is without the target.
- narrower: each film with the target has the source. Absent makes the target absent; present and
  uncertain say nothing.
- partial: some films with the one have the other. It says nothing, and is named.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from xlite.errors import InputError, did_you_mean
from xlite.labels import simplify_label
from xlite.tables.cells import ABSENT, BLANK, PRESENT, UNCERTAIN

if TYPE_CHECKING:
    from numpy.typing import NDArray

RELATIONS = ("exact", "broader", "narrower", "partial")
"""What a target can be to a source."""


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """The labels of a data set, and which of them lie within which."""

    name: str
    title: str
    labels: tuple[str, ...]
    within: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Labels with those that lie within them, of tables that name the narrower label alone."""


@dataclass(frozen=True, kw_only=True)
class MappedLabel:
    """A label of the target vocabulary by the labels of the source that it is said of."""

    name: str
    exact: str | None = None
    broader: tuple[str, ...] = ()
    """Sources that the target is broader than."""
    narrower: tuple[str, ...] = ()
    """Sources that the target is narrower than."""
    partial: tuple[str, ...] = ()
    is_complete: bool = False
    """Whether a film without any of `broader` is without the target."""

    @property
    def sources(self) -> tuple[str, ...]:
        """The labels that it is said of."""
        exact = (self.exact,) if self.exact is not None else ()
        return (*exact, *self.broader, *self.narrower, *self.partial)


@dataclass(frozen=True, kw_only=True)
class LabelMap:
    """The labels of one vocabulary in terms of another."""

    name: str
    source: Vocabulary
    """Without labels where the map does not say which there are."""
    target: Vocabulary
    labels: tuple[MappedLabel, ...]
    """Those of the target that the map says something of, in the order of the target."""


@dataclass(frozen=True, kw_only=True)
class MappedCells:
    """The cells of a table in the target's labels, and what the map could not say."""

    cells: NDArray[np.int8]
    """(N, C) codes, see `xlite.tables.cells`."""
    vocabulary: tuple[str, ...]
    unmapped: tuple[str, ...]
    """Labels of the table that the map has nowhere, or only as partial."""
    silent: tuple[str, ...]
    """Labels of the target of which nothing is known in any row: they are left out."""
    contradictions: tuple[tuple[str, int], ...]
    """Labels with the number of rows in which the table says both: these cells are uncertain."""


def map_cells(
    cells: NDArray[np.int8],
    vocabulary: Sequence[str],
    label_map: LabelMap,
    *,
    names_what_occurs: bool = False,
) -> MappedCells:
    """The (N, C) cells of a table in the labels of the map's target; see this module's text.

    Labels match but for case, blanks, hyphens and underscores. A label of the map that the table
    lacks says nothing, and a union that it is part of is never known to be absent;
    names_what_occurs: it is absent from every film, as of lists from a known vocabulary. Raises
    InputError where the map does not say which labels there are and has one that the table lacks.

    >>> source = Vocabulary(name="a", title="A", labels=("Mass", "Nodule"))
    >>> target = Vocabulary(name="b", title="B", labels=("Lesion",))
    >>> lesion = MappedLabel(name="Lesion", broader=("Mass", "Nodule"), is_complete=True)
    >>> by_map = LabelMap(name="a-to-b", source=source, target=target, labels=(lesion,))
    >>> cells = np.array([[1, 0], [0, 0], [0, -1], [0, -2]], dtype=np.int8)
    >>> map_cells(cells, ("Mass", "Nodule"), by_map).cells.ravel().tolist()
    [1, 0, -1, -2]
    """
    if not label_map.source.labels:
        _require_labels(label_map, vocabulary)
    column_of = _close_upwards(
        cells, vocabulary, label_map.source, names_what_occurs=names_what_occurs
    )
    made, names, contradictions = [], [], []
    for label in label_map.labels:
        column, num_contradictions = _map_label(label, column_of, len(cells))
        if (column == BLANK).all():
            continue
        made.append(column)
        names.append(label.name)
        if num_contradictions:
            contradictions.append((label.name, num_contradictions))
    # A label within one that the map has is spoken for.
    mapped = {simplify_label(name) for name in _spoken_for(label_map)}
    return MappedCells(
        cells=np.stack(made, axis=1) if made else np.empty((len(cells), 0), dtype=np.int8),
        vocabulary=tuple(names),
        unmapped=tuple(name for name in vocabulary if simplify_label(name) not in mapped),
        silent=tuple(name for name in label_map.target.labels if name not in set(names)),
        contradictions=tuple(contradictions),
    )


def imply_labels(label_map: LabelMap) -> dict[str, tuple[str, ...]]:
    """The labels of the target that each of the map's source makes present, by simplified names.

    Those that are exactly it or broader, of itself and of all that it lies within; none where the
    map knows it and says no more than that the two overlap, or that the target is narrower. What is
    not in it the map does not know.

    >>> source = Vocabulary(name="a", title="A", labels=("Mass", "Nodule"))
    >>> target = Vocabulary(name="b", title="B", labels=("Lesion",))
    >>> lesion = MappedLabel(name="Lesion", broader=("Mass",), partial=("Nodule",))
    >>> imply_labels(LabelMap(name="a-to-b", source=source, target=target, labels=(lesion,)))
    {'mass': ('Lesion',), 'nodule': ()}
    """
    around: dict[str, list[str]] = {}
    for outer, inner in label_map.source.within:
        for name in inner:
            around.setdefault(name, []).append(outer)

    def enclose(name: str) -> list[str]:
        return [name, *(one for outer in around.get(name, ()) for one in enclose(outer))]

    names = [*label_map.source.labels, *(one for row in label_map.labels for one in row.sources)]
    return {
        simplify_label(name): tuple(
            row.name
            for row in label_map.labels
            if not {row.exact, *row.broader}.isdisjoint(enclose(name))
        )
        for name in dict.fromkeys(names)
    }


_Column = Callable[[str], "NDArray[np.int8] | None"]


def _require_labels(label_map: LabelMap, vocabulary: Sequence[str]) -> None:
    known = {simplify_label(name) for name in vocabulary}
    for label in label_map.labels:
        for name in label.sources:
            if simplify_label(name) not in known:
                raise InputError(
                    f"the label map {label_map.name} has {name!r} for {label.name!r}, and the "
                    f"table has no such label.{did_you_mean(name, vocabulary)} Correct it, or list "
                    "all labels that there may be as `from`."
                )


def _close_upwards(
    cells: NDArray[np.int8],
    vocabulary: Sequence[str],
    source: Vocabulary,
    *,
    names_what_occurs: bool,
) -> _Column:
    """The column of a label by its name, with what follows from those within it; None without any.

    A label is present where one within it is, uncertain where one is uncertain, and else what its
    own cell says.
    """
    position = {simplify_label(name): at for at, name in enumerate(vocabulary)}
    within: Mapping[str, tuple[str, ...]] = dict(source.within)
    closed: dict[str, NDArray[np.int8] | None] = {}

    def column_of(name: str) -> NDArray[np.int8] | None:
        if name not in closed:
            at = position.get(simplify_label(name))
            own = None if at is None else np.ascontiguousarray(cells[:, at])
            if own is None and names_what_occurs:
                own = np.full(len(cells), ABSENT, dtype=np.int8)
            inner = [
                column for one in within.get(name, ()) if (column := column_of(one)) is not None
            ]
            closed[name] = _unite(own, inner, len(cells)) if inner else own
        return closed[name]

    return column_of


def _unite(
    own: NDArray[np.int8] | None, inner: Sequence[NDArray[np.int8]], num_rows: int
) -> NDArray[np.int8]:
    united = np.full(num_rows, BLANK, dtype=np.int8) if own is None else own.copy()
    is_present = united == PRESENT
    for column in inner:
        united[(column == UNCERTAIN) & ~is_present] = UNCERTAIN
        is_present |= column == PRESENT
    united[is_present] = PRESENT
    return united


def _map_label(
    label: MappedLabel, column_of: _Column, num_rows: int
) -> tuple[NDArray[np.int8], int]:
    """The (N,) cells of a label of the target, and in how many rows the sources contradict."""
    made = np.full(num_rows, BLANK, dtype=np.int8)
    if label.exact is not None:
        exact = column_of(label.exact)
        return (made if exact is None else exact), 0
    parts = [column_of(name) for name in label.broader]
    is_absent = np.full(num_rows, label.is_complete)
    is_present = np.zeros(num_rows, dtype=np.bool_)
    for part in parts:
        if part is None:
            is_absent[:] = False
            continue
        is_absent &= part == ABSENT
        is_present |= part == PRESENT
        made[part == UNCERTAIN] = UNCERTAIN
    for name in label.narrower:
        whole = column_of(name)
        if whole is not None:
            is_absent |= whole == ABSENT
    made[is_absent] = ABSENT
    made[is_present] = PRESENT
    is_both = is_absent & is_present
    made[is_both] = UNCERTAIN
    return made, int(is_both.sum())


def _spoken_for(label_map: LabelMap) -> set[str]:
    """The labels of the source that say something of a label of the target."""
    within = dict(label_map.source.within)
    waiting = [
        name for label in label_map.labels for name in label.sources if name not in label.partial
    ]
    found: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(within.get(name, ()))
    return found
