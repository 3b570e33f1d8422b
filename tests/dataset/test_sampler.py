from __future__ import annotations

from itertools import chain

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xlite.dataset.sampler import EpochSampler, SampleKey

sizes = st.integers(1, 200)
seeds = st.integers(0, 2**32)


def keys_of(sampler: EpochSampler, epoch: int, first_batch: int = 0) -> list[list[SampleKey]]:
    sampler.set_epoch(epoch, first_batch=first_batch)
    return list(sampler)


@given(num_images=sizes, batch_size=st.integers(1, 50), seed=seeds, epoch=st.integers(0, 1000))
def test_without_weights_an_epoch_is_a_permutation(
    num_images: int, batch_size: int, seed: int, epoch: int
) -> None:
    sampler = EpochSampler(num_images, batch_size=batch_size, seed=seed)
    keys = list(chain.from_iterable(keys_of(sampler, epoch)))
    assert sorted(key.row for key in keys) == list(range(num_images))
    assert [key.position for key in keys] == list(range(num_images))
    assert {key.epoch for key in keys} == {epoch}


@given(num_images=sizes, batch_size=st.integers(1, 50), seed=seeds, data=st.data())
@settings(max_examples=50)
def test_any_batch_is_a_function_of_seed_and_epoch(
    num_images: int, batch_size: int, seed: int, data: st.DataObject
) -> None:
    weights = np.random.default_rng(seed).random(num_images) + 0.01
    sampler = EpochSampler(num_images, batch_size=batch_size, seed=seed, weights=weights)
    whole = keys_of(sampler, 3)
    keys_of(sampler, 0)
    first = data.draw(st.integers(0, len(whole)))
    again = EpochSampler(num_images, batch_size=batch_size, seed=seed, weights=weights)
    assert keys_of(again, 3, first_batch=first) == whole[first:]
    again.set_epoch(3, first_batch=first)
    assert len(again) == len(whole) - first


def test_it_shows_what_it_drew() -> None:
    sampler = EpochSampler(50, batch_size=8, seed=1, weights=np.arange(50, dtype=float))
    drawn = [key.row for key in chain.from_iterable(keys_of(sampler, 7))]
    assert drawn == sampler.drawn_indices(7).tolist()
    assert drawn != sampler.drawn_indices(8).tolist()


def test_draws_follow_the_weights_and_never_take_weight_zero() -> None:
    weights = np.array([0.0, 1.0, 3.0, 0.0, 6.0, 0.0])
    sampler = EpochSampler(6, batch_size=2, seed=5, weights=weights)
    drawn = np.concatenate([sampler.drawn_indices(epoch) for epoch in range(5000)])
    counts = np.bincount(drawn, minlength=6)
    assert counts[[0, 3, 5]].tolist() == [0, 0, 0]
    expected = weights[[1, 2, 4]] / 10 * drawn.size
    # Pearson's chi-square with 2 degrees of freedom stays under 13.8 in 999 of 1,000 cases.
    assert (np.square(counts[[1, 2, 4]] - expected) / expected).sum() < 13.8


def test_drop_last_drops_only_a_partial_batch_of_many() -> None:
    assert [len(batch) for batch in EpochSampler(10, batch_size=4, seed=0, drop_last=True)] == [
        4,
        4,
    ]
    assert [len(batch) for batch in EpochSampler(10, batch_size=4, seed=0)] == [4, 4, 2]
    assert [len(batch) for batch in EpochSampler(3, batch_size=4, seed=0, drop_last=True)] == [3]


def test_seeds_give_different_orders() -> None:
    orders = {tuple(EpochSampler(20, batch_size=4, seed=s).drawn_indices(0)) for s in range(50)}
    assert len(orders) == 50


def test_weights_have_to_fit_the_images() -> None:
    with pytest.raises(ValueError, match="3 weights for 4 images"):
        EpochSampler(4, batch_size=2, seed=0, weights=np.ones(3))
