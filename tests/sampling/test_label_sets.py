from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xlite.sampling.label_sets import find_label_sets


@given(
    num_images=st.integers(1, 60),
    num_classes=st.sampled_from([1, 2, 7, 50, 51, 52, 53, 103, 104, 200]),
    num_patterns=st.integers(1, 12),
    seed=st.integers(0, 2**32),
)
@settings(max_examples=150, deadline=None)
def test_sets_agree_with_numpy_unique(
    num_images: int, num_classes: int, num_patterns: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    patterns = rng.choice([-1, 0, 0, 0, 1], size=(num_patterns, num_classes)).astype(np.int8)
    # Sets that differ in their last or first column only, and one that is healthy or open.
    patterns[0] = 0
    patterns[-1, :-1] = 0
    labels = patterns[rng.integers(num_patterns, size=num_images)]
    sets = find_label_sets(labels)

    np.testing.assert_array_equal(sets.patterns[sets.inverse], labels == 1)
    np.testing.assert_array_equal(sets.no_finding[sets.inverse], (labels == 0).all(axis=1))
    keys = np.column_stack([labels == 1, (labels == 0).all(axis=1)])
    _, counts = np.unique(keys, axis=0, return_counts=True)
    assert sorted(sets.counts.tolist()) == sorted(counts.tolist())
    np.testing.assert_array_equal(sets.class_counts, (labels == 1).sum(axis=0))
    np.testing.assert_array_equal(sets.num_present[sets.inverse], (labels == 1).sum(axis=1))
    assert sets.num_images == num_images
    assert sets.natural_no_finding_share == pytest.approx((labels == 0).all(axis=1).mean())


def test_rows_beyond_one_block_are_numbered_alike() -> None:
    patterns = np.array([[1, 0], [0, 0], [0, 1], [-1, 0]], dtype=np.int8)
    labels = np.tile(patterns, (100_000, 1))
    sets = find_label_sets(labels)
    assert sets.counts.tolist() == [100_000] * 4
    np.testing.assert_array_equal(sets.patterns[sets.inverse], labels == 1)


def test_an_open_image_is_not_healthy() -> None:
    sets = find_label_sets(np.array([[0, 0], [0, -1], [-1, -1]], dtype=np.int8))
    assert sets.counts[sets.no_finding].tolist() == [1]
    assert sets.counts[~sets.no_finding].tolist() == [2]


def test_label_sets_pass_through() -> None:
    sets = find_label_sets(np.eye(3, dtype=np.int8))
    assert find_label_sets(sets) is sets


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.zeros((0, 3), dtype=np.int8), "at least one entry"),
        (np.zeros(3, dtype=np.int8), r"must be \(N, C\)"),
        (np.array([[2, 0]], dtype=np.int8), "must be 1"),
        (np.array([[-2, 0]], dtype=np.int8), "must be 1"),
    ],
)
def test_other_arrays_are_refused(labels: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        find_label_sets(labels)
