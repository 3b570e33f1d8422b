"""What a label map knows is true of the films, whatever the vocabularies and the blanks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xlite.errors import InputError
from xlite.tables.cells import ABSENT, BLANK, PRESENT, UNCERTAIN, decide_labels
from xlite.tables.label_maps import LabelMap, MappedLabel, Vocabulary, map_cells
from xlite.tables.shipped_maps import invert

NUM_FILMS = 40


def _vocabulary(name: str, count: int) -> Vocabulary:
    labels = tuple(f"{name} {number}" for number in range(count))
    return Vocabulary(name=name, title=name, labels=labels)


@st.composite
def worlds(draw: st.DrawFn) -> tuple[LabelMap, np.ndarray, np.ndarray, tuple[str, ...]]:
    """A map, and films of which both vocabularies' truth obeys it: (N, S) and (N, T)."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    source, target = _vocabulary("a", draw(st.integers(2, 7))), _vocabulary("b", 4)
    truth = rng.random((NUM_FILMS, len(source.labels))) < 0.4
    free = list(range(len(source.labels)))
    rng.shuffle(free)
    rows, made, unions = [], [], []
    for name in target.labels:
        if not free:
            break
        kind = draw(st.sampled_from(["exact", "broader", "union", "narrower", "both", "partial"]))
        taken = [free.pop() for _ in range(min(len(free), draw(st.integers(1, 3))))]
        names = tuple(source.labels[at] for at in taken)
        films = rng.random(NUM_FILMS) < 0.5
        if kind == "exact":
            rows.append(MappedLabel(name=name, exact=names[0], partial=names[1:]))
            films = truth[:, taken[0]]
        elif kind == "partial":
            rows.append(MappedLabel(name=name, partial=names))
        elif kind in ("broader", "union"):
            rows.append(MappedLabel(name=name, broader=names, is_complete=kind == "union"))
            films = truth[:, taken].any(axis=1) | (films & (kind == "broader"))
        else:
            inner, outer = (taken[:1], taken[1:]) if kind == "both" else ([], taken)
            lower = truth[:, inner].any(axis=1)
            truth[:, outer] |= lower[:, None]
            films = lower | (films & truth[:, outer].all(axis=1))
            rows.append(
                MappedLabel(
                    name=name,
                    broader=tuple(source.labels[at] for at in inner),
                    narrower=tuple(source.labels[at] for at in outer),
                )
            )
            if kind == "narrower" and len(taken) == 1 and draw(st.booleans()):
                truth[:, taken[0]] = films
                unions.append(source.labels[taken[0]])
        made.append(films)
    label_map = LabelMap(name="a-to-b", source=source, target=target, labels=tuple(rows))
    return label_map, truth, np.stack(made, axis=1), tuple(unions)


def _hide(truth: np.ndarray, seed: int) -> np.ndarray:
    """Cells of a table that says the truth, here and there "maybe" or nothing."""
    rng = np.random.default_rng(seed)
    said = rng.choice([0, UNCERTAIN, BLANK], size=truth.shape, p=[0.7, 0.1, 0.2])
    return np.where(said == 0, truth, said).astype(np.int8)


@settings(max_examples=60, deadline=None)
@given(worlds(), st.integers(0, 2**32 - 1))
def test_what_a_map_knows_is_true(
    world: tuple[LabelMap, np.ndarray, np.ndarray, tuple[str, ...]], seed: int
) -> None:
    label_map, truth, films, unions = world
    cells = _hide(truth, seed)
    mapped = map_cells(cells, label_map.source.labels, label_map)
    assert not mapped.contradictions
    place = {label.name: at for at, label in enumerate(label_map.labels)}
    for column, name in enumerate(mapped.vocabulary):
        is_known = mapped.cells[:, column] >= 0
        known = mapped.cells[is_known, column]
        np.testing.assert_array_equal(known, films[is_known, place[name]])
    # The same films the other way round.
    backwards = invert(label_map, unions, name="b-to-a")
    names = tuple(label.name for label in label_map.labels)
    back = map_cells(_hide(films, seed), names, backwards)
    for column, name in enumerate(back.vocabulary):
        is_known = back.cells[:, column] >= 0
        of_source = truth[is_known, label_map.source.labels.index(name)]
        np.testing.assert_array_equal(back.cells[is_known, column], of_source)


def _map(row: MappedLabel, *, within: tuple[tuple[str, tuple[str, ...]], ...] = ()) -> LabelMap:
    source = Vocabulary(name="a", title="A", labels=("p", "q", "r"), within=within)
    target = Vocabulary(name="b", title="B", labels=("T", "U"))
    return LabelMap(name="a-to-b", source=source, target=target, labels=(row,))


ALL = np.array([PRESENT, ABSENT, UNCERTAIN, BLANK], dtype=np.int8)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (MappedLabel(name="T", exact="p"), [PRESENT, ABSENT, UNCERTAIN, BLANK]),
        (MappedLabel(name="T", broader=("p",)), [PRESENT, BLANK, UNCERTAIN, BLANK]),
        (
            MappedLabel(name="T", broader=("p",), is_complete=True),
            [PRESENT, ABSENT, UNCERTAIN, BLANK],
        ),
        (MappedLabel(name="T", narrower=("p",)), [BLANK, ABSENT, BLANK, BLANK]),
    ],
)
def test_each_relation_does_what_it_says_to_the_four_codes(
    row: MappedLabel, expected: list[int]
) -> None:
    mapped = map_cells(ALL[:, None], ("p",), _map(row))
    assert mapped.cells[:, 0].tolist() == expected
    assert mapped.silent == ("U",)


def test_what_only_overlaps_says_nothing_and_is_named() -> None:
    mapped = map_cells(ALL[:, None], ("p",), _map(MappedLabel(name="T", partial=("p",))))
    assert (mapped.cells.shape, mapped.unmapped, mapped.silent) == ((4, 0), ("p",), ("T", "U"))


def test_a_union_is_absent_only_where_all_of_it_is_and_never_without_a_part_of_it() -> None:
    row = MappedLabel(name="T", broader=("p", "q"), is_complete=True)
    cells = np.array([[1, -2], [0, 0], [0, -1], [0, -2], [-1, 1]], dtype=np.int8)
    assert map_cells(cells, ("p", "q"), _map(row)).cells[:, 0].tolist() == [1, 0, -1, -2, 1]
    assert map_cells(cells[:, :1], ("P",), _map(row)).cells[:, 0].tolist() == [1, -2, -2, -2, -1]


def test_a_label_that_a_table_of_what_occurs_never_names_is_absent() -> None:
    row = MappedLabel(name="T", broader=("p", "q"), is_complete=True)
    mapped = map_cells(ALL[:2, None], ("p",), _map(row), names_what_occurs=True)
    assert mapped.cells[:, 0].tolist() == [PRESENT, ABSENT]


def test_a_label_that_neither_map_nor_table_knows_is_refused() -> None:
    row = MappedLabel(name="T", exact="Edma")
    source = Vocabulary(name="", title="", labels=())
    label_map = replace(_map(row), source=source)
    with pytest.raises(InputError, match=r"'Edma' for 'T'.*Did you mean Edema\?"):
        map_cells(ALL[:, None], ("Edema",), label_map)


def test_a_label_within_another_makes_it_present_and_counts_as_mapped() -> None:
    label_map = _map(MappedLabel(name="T", exact="p"), within=(("p", ("q",)), ("q", ("r",))))
    cells = np.array([[0, 0, 1], [0, -1, 0], [1, -1, 0], [0, 0, -2]], dtype=np.int8)
    mapped = map_cells(cells, ("p", "q", "r"), label_map)
    assert mapped.cells[:, 0].tolist() == [1, -1, 1, 0]
    assert mapped.unmapped == ()


def test_a_table_that_contradicts_itself_is_uncertain_there_and_counted() -> None:
    row = MappedLabel(name="T", broader=("p",), narrower=("q",))
    cells = np.array([[1, 0], [1, 1], [0, 0]], dtype=np.int8)
    mapped = map_cells(cells, ("p", "q"), _map(row))
    assert mapped.cells[:, 0].tolist() == [UNCERTAIN, PRESENT, ABSENT]
    assert mapped.contradictions == (("T", 1),)


def test_labels_decided_from_mapped_cells_leave_what_is_not_known_unknown() -> None:
    row = MappedLabel(name="T", broader=("p",))
    mapped = map_cells(ALL[:, None], ("p",), _map(row))
    assert decide_labels(mapped.cells, blank="unknown")[:, 0].tolist() == [1, -1, -1, -1]


def test_a_tree_of_labels_is_closed_in_time_that_grows_with_its_lines() -> None:
    names = tuple(f"l{number}" for number in range(60))
    within = tuple((names[at], (names[at + 1], names[min(at + 2, 59)])) for at in range(58))
    source = Vocabulary(name="a", title="A", labels=names, within=within)
    target = Vocabulary(name="b", title="B", labels=("T",))
    row = MappedLabel(name="T", exact="l0")
    label_map = LabelMap(name="m", source=source, target=target, labels=(row,))
    cells = np.zeros((3, 60), dtype=np.int8)
    cells[1, 59] = PRESENT
    # Without its results kept, a diamond of 58 storeys would be walked 2 ** 40 times.
    assert map_cells(cells, names, label_map).cells[:, 0].tolist() == [0, 1, 0]
