from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xlite.labels import (
    NIH_LABELS,
    NO_FINDING,
    UNKNOWN,
    UnknownLabelError,
    decode_labels,
    discover_vocabulary,
    encode_label_texts,
    has_no_finding,
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


def test_vocabulary_is_nihs_when_all_labels_are() -> None:
    assert discover_vocabulary(["Hernia", "No Finding"]) == NIH_LABELS
    assert discover_vocabulary(["Fracture;Hernia"], separator=";") == ("Fracture", "Hernia")


def test_an_image_with_an_unknown_label_is_not_without_a_finding() -> None:
    labels = np.array([[0, 0], [0, UNKNOWN], [1, UNKNOWN]], dtype=np.int8)
    assert has_no_finding(labels).tolist() == [True, False, False]
