"""Nested subsets of the training patients."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from xlite.errors import InputError
from xlite.splitting.nested_subsets import check_shares, choose_nested


def test_the_smaller_is_within_the_larger_and_each_is_like_the_whole() -> None:
    rng = np.random.default_rng(0)
    patients = np.sort(rng.integers(0, 300, 900))
    labels = (rng.random((900, 4)) < [0.02, 0.05, 0.2, 0.4]).astype(np.int8)
    shares = (0.1, 0.25, 0.3, 0.5, 0.77, 1.0)
    chosen = [choose_nested(labels, patients, fraction=share, seed=3) for share in shares]
    for small, large in pairwise(chosen):
        assert (small <= large).all()
    for share, rows in zip(shares, chosen, strict=True):
        # Whole patients: none is on both sides.
        assert not set(patients[rows]) & set(patients[~rows])
        assert rows.mean() == pytest.approx(share, abs=0.03)
    half = labels[chosen[3]]
    assert np.abs(half.sum(axis=0) - labels.sum(axis=0) / 2).max() <= 2
    again = choose_nested(labels, patients, fraction=0.3, seed=3)
    assert (again == chosen[2]).all()
    assert (choose_nested(labels, patients, fraction=0.3, seed=4) != again).any()


@pytest.mark.parametrize(
    ("shares", "said"), [([0.0, 1], "0 is no share"), ([2.0], "2 is no"), ([0.5, 0.5], "twice")]
)
def test_what_is_no_share_is_refused(shares: list[float], said: str) -> None:
    with pytest.raises(InputError, match=said):
        check_shares(shares)
