"""Tables of several sources as one: what a source never annotated is unknown there."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xlite.errors import InputError
from xlite.ids import canonical_patient_ids
from xlite.tables.cells import ABSENT, BLANK
from xlite.tables.manifest import Manifest
from xlite.tables.merging import describe_sources, merge_manifests

LABELS = ("Edema", "Mass", "Hernia", "Nodule")


def _manifest(
    cells: np.ndarray, vocabulary: tuple[str, ...], *, blank: str = "unknown", **further: str
) -> Manifest:
    rows = len(cells)
    table = pd.DataFrame(
        {
            "image_id": [f"{row}.png" for row in range(rows)],
            "path": "",
            "patient_id": [str(row // 2) for row in range(rows)],
            "view": "PA",
            "age": 50.0,
            "sex": "F",
            **further,
        }
    )
    return Manifest.of_codes(table, cells.astype(np.int8), vocabulary, blank=blank)  # type: ignore[arg-type]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.lists(st.sampled_from(LABELS), min_size=1, unique=True).map(tuple),
            st.integers(1, 6),
            st.sampled_from(["unknown", "absent"]),
        ),
        min_size=2,
        max_size=4,
    ),
    st.integers(0, 2**32 - 1),
)
def test_every_cell_is_its_sources_and_every_other_is_blank(
    made: list[tuple[tuple[str, ...], int, str]], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    named = {
        f"set{number}": _manifest(
            rng.integers(-2, 2, size=(rows, len(vocabulary))), vocabulary, blank=blank
        )
        for number, (vocabulary, rows, blank) in enumerate(made)
    }
    merged = merge_manifests(named)
    assert set(merged.vocabulary) == {label for labels, _, _ in made for label in labels}
    start = 0
    for name, manifest in named.items():
        rows = slice(start, start + len(manifest))
        start = rows.stop
        for at, label in enumerate(merged.vocabulary):
            column = merged.cells[rows, at]
            if label not in manifest.vocabulary:
                assert (column == BLANK).all()
                continue
            own = manifest.cells[:, manifest.vocabulary.index(label)]
            absent = np.where(own == BLANK, ABSENT, own)
            expected = absent if manifest.blank == "absent" else own
            np.testing.assert_array_equal(column, expected)
            np.testing.assert_array_equal(
                merged.labels[rows, at], manifest.labels[:, manifest.vocabulary.index(label)]
            )
        assert (merged.table["source"][rows] == name).all()
    assert len(set(merged.image_ids)) == len(merged)
    patients = canonical_patient_ids(merged.patient_ids)
    assert len(set(patients)) == sum(one.table["patient_id"].nunique() for one in named.values())
    counts = describe_sources(merged, named)
    for name, one in named.items():
        for label in merged.vocabulary:
            count = counts[name].labels[label]
            assert count.present + count.absent + count.unknown == len(one)


def test_a_column_that_one_source_has_is_empty_in_the_others() -> None:
    one = _manifest(np.array([[1]]), ("Mass",), site="A")
    merged = merge_manifests({"a": one, "b": _manifest(np.array([[0]]), ("Mass",))})
    assert merged.table["site"].tolist() == ["A", ""]
    assert merged.image_ids.tolist() == ["a/0.png", "b/0.png"]


@pytest.mark.parametrize(
    ("names", "vocabularies", "message"),
    [
        (("a",), (("Mass",),), "one table can't be merged"),
        (("a/b", "c"), (("Mass",), ("Mass",)), "can't be called 'a/b'"),
        (("a", "A"), (("Mass",), ("Mass",)), "differ only in case"),
        (("a", "b"), (("Mass",), ("mass",)), "'Mass' of a and 'mass' of b differ only in how"),
    ],
)
def test_what_can_not_be_told_apart_is_refused(
    names: tuple[str, ...], vocabularies: tuple[tuple[str, ...], ...], message: str
) -> None:
    named = {
        name: _manifest(np.array([[1]]), vocabulary)
        for name, vocabulary in zip(names, vocabularies, strict=True)
    }
    with pytest.raises(InputError, match=message):
        merge_manifests(named)
