"""Resamples as weights: what is kept or taken a shorter way is what it was, to the last bit."""

from __future__ import annotations

import numpy as np

from xlite.scores import resampling
from xlite.scores.resampling import draw_weights, rank_classes


def draw(num_patients: int, num_resamples: int, rng: np.random.Generator) -> np.ndarray:
    return np.concatenate([one for _, one in draw_weights(num_patients, num_resamples, rng)], 1)


def test_resamples_that_are_kept_are_those_that_are_drawn() -> None:
    resampling._KEPT.clear()
    fresh, again = np.random.default_rng(3), np.random.default_rng(3)
    first = draw(50, 70, fresh)
    assert len(resampling._KEPT) == 1
    assert np.array_equal(draw(50, 70, again), first)
    # The generator goes on behind them: the next are others, and the same.
    following = draw(50, 70, fresh)
    assert np.array_equal(draw(50, 70, again), following)
    assert not np.array_equal(following, first)
    # By hand, without anything that is kept.
    rng = np.random.default_rng(3)
    drawn = [np.bincount(rng.integers(50, size=50), minlength=50) for _ in range(140)]
    assert np.array_equal(np.hstack([first, following]), np.array(drawn, dtype=float).T)


def test_no_more_are_kept_than_are_asked_for_again_soon() -> None:
    for seed in range(9):
        draw(20, 33, np.random.default_rng(seed))
    assert len(resampling._KEPT) == resampling._NUM_KEPT


def test_positives_apart_are_weighed_as_their_matrix_weighs_them() -> None:
    rng = np.random.default_rng(0)
    targets = (rng.random((300, 2)) < 0.3).astype(np.int8)
    probs = np.column_stack([rng.random(300), rng.integers(0, 9, 300) / 9])
    patients = rng.integers(0, 40, 300)
    apart, tied = rank_classes(targets, probs, patients, 40)
    assert apart.holders is not None
    assert tied.holders is None
    weights = draw(40, 32, rng)
    assert np.array_equal(apart.weigh_positives(weights), apart.positives @ weights)
