from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xlite.labels import (
    NIH_LABELS,
    NO_FINDING,
    UNKNOWN,
    LabelTextError,
    UnknownLabelError,
    decode_labels,
    encode_label_texts,
    has_no_finding,
    parse_label_texts,
    simplify_label,
)


@given(st.lists(st.sets(st.sampled_from(NIH_LABELS)), min_size=1, max_size=30))
def test_encoding_and_decoding_are_inverse(label_sets: list[set[str]]) -> None:
    texts = ["|".join(sorted(labels)) or NO_FINDING for labels in label_sets]
    labels = encode_label_texts(texts, NIH_LABELS)
    assert labels.shape == (len(texts), 14)
    decoded = decode_labels(labels, NIH_LABELS)
    assert [set(text.split("|")) - {NO_FINDING} for text in decoded] == label_sets


def test_unknown_label_names_its_first_row_and_a_close_match() -> None:
    with pytest.raises(UnknownLabelError, match=r"'Hernai' in row 3.*Did you mean 'Hernia'"):
        encode_label_texts(["Mass", "No Finding", "Mass|Hernai", "Hernai"], NIH_LABELS)


def test_the_vocabulary_is_what_occurs_in_nihs_order_where_it_is_nihs() -> None:
    assert parse_label_texts(["Hernia|Edema", "No Finding"]).vocabulary() == ("Edema", "Hernia")
    texts = parse_label_texts(["Fracture;Hernia"], separator=";")
    assert texts.vocabulary() == ("Fracture", "Hernia")


@pytest.mark.parametrize("text", [None, np.nan, "", " ", "nan", "None"])
def test_a_missing_text_is_no_label_and_not_healthy(text: object) -> None:
    with pytest.raises(LabelTextError, match=r"no label text.* in row 2\. .*leave out"):
        encode_label_texts(["Mass", text], NIH_LABELS)


def test_unknown_texts_may_be_empty() -> None:
    texts = parse_label_texts(["", "Mass", None], empty_is_absent=True)
    assert texts.encode(("Mass",)).tolist() == [[0], [1], [0]]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("['COPD signs']", "a list in Python's writing"),
        ("|", "separators without a label"),
        (" | |", "separators without a label"),
        ("No Finding|Mass", "'No Finding' beside a label"),
        ("Mass|no finding", "'no finding' beside a label"),
    ],
)
def test_texts_that_contradict_themselves_are_refused(text: str, fault: str) -> None:
    with pytest.raises(LabelTextError, match=f"{fault}.* in row 3"):
        encode_label_texts(["Mass", "No finding", text], NIH_LABELS)


def test_a_long_text_is_not_searched_for_what_was_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    searched: list[str] = []
    monkeypatch.setattr(
        "difflib.get_close_matches", lambda word, *_, **__: searched.append(word) or []
    )
    with pytest.raises(UnknownLabelError) as error:
        encode_label_texts(["x" * 100_000], NIH_LABELS)
    assert [len(word) for word in searched] == [60]
    assert len(str(error.value)) < 400


def test_labels_are_told_apart_by_more_than_case_and_blanks() -> None:
    names = ["Pleural Thickening", "pleural_thickening", "PLEURAL-THICKENING"]
    assert len(set(map(simplify_label, names))) == 1
    assert simplify_label("Edema 1") != simplify_label("Edema 2")


def test_an_image_with_an_unknown_label_is_not_without_a_finding() -> None:
    labels = np.array([[0, 0], [0, UNKNOWN], [1, UNKNOWN]], dtype=np.int8)
    assert has_no_finding(labels).tolist() == [True, False, False]
