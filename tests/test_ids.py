from __future__ import annotations

import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xlite.ids import (
    AMBIGUOUS,
    NO_MATCH,
    canonical_image_name,
    canonical_image_names,
    canonical_patient_id,
    canonical_patient_ids,
    is_rounded_id,
    match_image_names,
)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("0013", "13"),
        ("13.0", "13"),
        ("0013.00", " 13\t"),
        ("P5", "p5"),
        ("M\u00fcller-1", unicodedata.normalize("NFD", "m\u00fcller-1")),
        ("STRASSE", "stra\u00dfe"),
        ("000", "0"),
        ("\u00a07\u00a0", "7"),
    ],
)
def test_one_patient_has_one_id(one: str, other: str) -> None:
    assert canonical_patient_id(one) == canonical_patient_id(other)


@pytest.mark.parametrize(
    ("one", "other"), [("13", "130"), ("P05", "P5"), ("13.1", "13"), ("1e5", "100000"), ("-3", "3")]
)
def test_two_patients_stay_two(one: str, other: str) -> None:
    assert canonical_patient_id(one) != canonical_patient_id(other)


@given(st.text(max_size=12))
def test_a_canonical_id_is_its_own(text: str) -> None:
    once = canonical_patient_id(text)
    assert canonical_patient_id(once) == once
    name = canonical_image_name(text)
    assert canonical_image_name(name) == name


@given(st.integers(0, 10**30), st.integers(0, 4), st.booleans())
def test_numbers_are_the_same_however_they_are_padded(
    number: int, zeros: int, is_float: bool
) -> None:
    spelled = "0" * zeros + str(number) + (".0" if is_float else "")
    assert canonical_patient_ids([spelled, str(number)]).tolist() == [str(number)] * 2


@pytest.mark.parametrize(
    ("text", "is_rounded"),
    [
        ("1.23e+17", True),
        ("1,23E+17", True),
        ("9007199254740992.0", True),
        ("9" * 5000 + ".0", True),
        ("9007199254740991.0", False),
        ("9007199254740993", False),
        ("123e45", False),
        ("13.0", False),
        ("000000000000000000013.0", False),
    ],
)
def test_numbers_that_lost_digits_are_known(text: str, is_rounded: bool) -> None:
    assert is_rounded_id(text) == is_rounded


def test_images_are_matched_with_and_without_their_folders() -> None:
    known = ["p1/s1/v.png", "p2/s1/v.png", "b.png", "x/c.png"]
    names = [r"p1\s1\v.png", "/data/p2/s1/v.png", "./images/b.png", "c.png", "v.png", "p3/s1/v.png"]
    assert match_image_names(names, known).tolist() == [0, 1, 2, 3, AMBIGUOUS, NO_MATCH]


def test_other_folders_are_other_images() -> None:
    assert match_image_names(["p1/view1.png"], ["p2/view1.png"]).tolist() == [NO_MATCH]
    assert match_image_names(["1.png"], ["view1.png"]).tolist() == [NO_MATCH]


def test_an_equal_name_goes_before_an_ending() -> None:
    assert match_image_names(["a.png"], ["x/a.png", "a.png"]).tolist() == [1]
    assert match_image_names(["y/x/a.png"], ["x/a.png", "a.png"]).tolist() == [AMBIGUOUS]


@given(st.lists(st.lists(st.sampled_from("ab"), min_size=1, max_size=4), min_size=1, max_size=8))
def test_matching_is_what_its_definition_says(paths: list[list[str]]) -> None:
    names = ["/".join(parts) for parts in paths]
    known = names[::2]
    for name, row in zip(names, match_image_names(names, known), strict=True):
        equal = [k for k, other in enumerate(known) if other == name]
        ends = [
            k
            for k, other in enumerate(known)
            if f"/{other}".endswith(f"/{name}") or f"/{name}".endswith(f"/{other}")
        ]
        candidates = equal or ends
        if len(candidates) == 1:
            assert row == candidates[0]
        else:
            assert row == (AMBIGUOUS if candidates else NO_MATCH)


def test_paths_that_all_end_alike_are_compared_a_linear_number_of_times(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from xlite import ids

    calls = 0
    ending = ids._ending

    def counted(path: str, depth: int) -> str:
        nonlocal calls
        calls += 1
        return ending(path, depth)

    monkeypatch.setattr(ids, "_ending", counted)
    paths = [f"train/patient{i:05d}/study1/view1_frontal.jpg" for i in range(2000)]
    shorter = [path.removeprefix("train/") for path in reversed(paths)]
    rows = match_image_names(shorter, paths)
    assert rows.tolist() == list(range(1999, -1, -1))
    assert match_image_names(paths, shorter).tolist() == rows.tolist()
    assert calls <= 2 * 2 * len(paths)


def test_plain_names_stay_as_they_are() -> None:
    names = np.array(["00000001_000.png", "b.PNG"], dtype=object)
    assert canonical_image_names(names).tolist() == names.tolist()
