from __future__ import annotations

import csv
import gzip
import hashlib
from itertools import chain, pairwise
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import chi2
from torch.utils.data import DataLoader, TensorDataset

from xlite.errors import InputError
from xlite.labels import NIH_LABELS, encode_label_texts
from xlite.loading.loader import KeyedBatches, SampleKey
from xlite.sampling.label_sets import LabelSets, find_label_sets
from xlite.sampling.max_entropy import fit_max_entropy
from xlite.sampling.sampler import (
    Draw,
    EpochSampler,
    draw_systematically,
    draw_with_replacement,
    draw_without_replacement,
)

DRAWS = get_args(Draw)

sizes = st.integers(1, 200)
seeds = st.integers(0, 2**32)
weight_lists = st.lists(
    st.one_of(st.just(0.0), st.floats(1e-6, 1e6)), min_size=1, max_size=60
).filter(any)


def fit(observed: NDArray[Any], expected: NDArray[Any]) -> float:
    """The p-value of Pearson's chi-square."""
    statistic = float((np.square(observed - expected) / expected).sum())
    return float(chi2.sf(statistic, observed.size - 1))


def keys_of(sampler: EpochSampler, epoch: int, first_batch: int = 0) -> list[list[SampleKey]]:
    """The batches as our own loader asks for them, with epochs and positions."""
    sampler.set_epoch(epoch, first_batch=first_batch)
    return list(KeyedBatches(sampler))


@given(num_images=sizes, batch_size=st.integers(1, 50), seed=seeds, epoch=st.integers(0, 1000))
def test_without_weights_an_epoch_is_a_permutation(
    num_images: int, batch_size: int, seed: int, epoch: int
) -> None:
    sampler = EpochSampler(num_images, batch_size=batch_size, seed=seed)
    keys = list(chain.from_iterable(keys_of(sampler, epoch)))
    assert sorted(key.row for key in keys) == list(range(num_images))
    assert [key.position for key in keys] == list(range(num_images))
    assert {key.epoch for key in keys} == {epoch}


@pytest.mark.parametrize("num_workers", [0, 2])
def test_any_dataloader_takes_it_over_any_dataset(num_workers: int) -> None:
    samples = torch.arange(20) * 10
    weights = np.arange(1, 21, dtype=float)
    shares = []
    for rank in range(2):
        sampler = EpochSampler(20, batch_size=3, seed=1, weights=weights, rank=rank, world_size=2)
        loader: Any = DataLoader(
            TensorDataset(samples), batch_sampler=sampler, num_workers=num_workers
        )
        sampler.set_epoch(4, first_batch=1)
        assert len(loader) == sampler.num_batches - 1
        shares.append([batch[0].tolist() for batch in loader])
    shown = [value for step in zip(*shares, strict=True) for share in step for value in share]
    drawn = sampler.drawn_indices(4)[6:]
    assert shown == samples[torch.from_numpy(drawn)].tolist()


ORDERS: dict[str, dict[str, Any]] = {
    "plain": {},
    "replacement": {"weights": np.arange(1, 102, dtype=float)},
    "systematic": {"weights": np.arange(1, 102, dtype=float), "draw": "systematic"},
    "without": {"weights": np.arange(1, 102, dtype=float), "draw": "without", "num_draws": 60},
    "ordered": {"shuffle": False},
}


@pytest.mark.parametrize(
    ("name", "digest"),
    [
        ("plain", "09e3af880d77dc0d"),
        ("replacement", "8d8f479799ae2907"),
        ("systematic", "ac5b25b502053f78"),
        ("without", "899397bfb22f3677"),
        ("ordered", "49364e9d0202d46d"),
    ],
)
def test_a_seed_draws_what_it_has_always_drawn(name: str, digest: str) -> None:
    """Of version 0.1.0: a run that was begun with it goes on to the same bytes."""
    found = hashlib.sha256()
    for rank in range(3):
        sampler = EpochSampler(101, batch_size=8, seed=42, rank=rank, world_size=3, **ORDERS[name])
        for epoch, first in ((0, 0), (3, 0), (3, 2)):
            batches = keys_of(sampler, epoch, first_batch=first)
            found.update(repr([[tuple(key) for key in batch] for batch in batches]).encode())
    assert found.hexdigest()[:16] == digest


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


@pytest.mark.parametrize("draw", ["replacement", "systematic"])
def test_draws_follow_the_weights_and_never_take_weight_zero(draw: Draw) -> None:
    weights = np.array([0.0, 1.0, 3.0, 0.0, 6.0, 0.0])
    sampler = EpochSampler(6, batch_size=2, seed=5, weights=weights, draw=draw)
    drawn = np.concatenate([sampler.drawn_indices(epoch) for epoch in range(5000)])
    counts = np.bincount(drawn, minlength=6)
    assert counts[[0, 3, 5]].tolist() == [0, 0, 0]
    assert fit(counts[[1, 2, 4]], weights[[1, 2, 4]] / 10 * drawn.size) > 1e-3


def test_draws_with_replacement_are_independent_of_one_another() -> None:
    weights = np.array([1.0, 2.0, 3.0, 4.0])
    expected = np.outer(weights, weights) / weights.sum() ** 2
    rng = np.random.default_rng(3)
    epochs = np.stack([draw_with_replacement(weights, 6, rng) for _ in range(20_000)])
    # Neighbours, the ends, and within one long epoch.
    long = draw_with_replacement(weights, 200_000, rng)
    for first, second in [
        *pairwise(epochs.T),
        (epochs[:, 0], epochs[:, -1]),
        (long[0::2], long[1::2]),
        (long[:100_000], long[100_000:]),
    ]:
        pairs = np.bincount(4 * first + second, minlength=16).reshape(4, 4)
        assert fit(pairs, expected * len(first)) > 1e-3
    # The control: order statistics left in order are not independent.
    pairs = np.bincount(4 * np.sort(long)[:-1] + np.sort(long)[1:], minlength=16).reshape(4, 4)
    assert fit(pairs, expected * len(long)) < 1e-100


def test_counts_of_an_epoch_vary_as_multinomial_ones() -> None:
    weights = np.array([1.0, 2.0, 3.0, 4.5])
    expected = 101 * weights / weights.sum()
    statistics = {}
    for draw in (draw_with_replacement, draw_systematically):
        rng = np.random.default_rng(0)
        counts = [np.bincount(draw(weights, 101, rng), minlength=4) for _ in range(2000)]
        statistics[draw] = (np.square(counts - expected) / expected).sum()
    low, high = chi2.ppf([1e-3, 1 - 1e-3], 2000 * 3)
    assert low < statistics[draw_with_replacement] < high
    # The control: systematic draws have the same expectation, and vary far less.
    assert statistics[draw_systematically] < low / 10


def test_draws_without_replacement_follow_the_law_of_successive_sampling() -> None:
    weights = np.array([1.0, 0.0, 2.0, 3.0, 4.0])
    rng = np.random.default_rng(1)
    drawn = np.stack([draw_without_replacement(weights, 2, rng) for _ in range(30_000)])
    observed = np.bincount(5 * drawn[:, 0] + drawn[:, 1], minlength=25).reshape(5, 5)
    p = weights / weights.sum()
    expected = len(drawn) * np.outer(p / (1 - p), p)
    np.fill_diagonal(expected, 0)
    assert not observed[expected == 0].any()
    assert fit(observed[expected > 0], expected[expected > 0]) > 1e-3


@given(weights=weight_lists, num_draws=st.integers(1, 300), seed=seeds)
def test_systematic_draws_take_the_floor_or_ceiling_of_the_expectation(
    weights: list[float], num_draws: int, seed: int
) -> None:
    w = np.array(weights)
    drawn = draw_systematically(w, num_draws, np.random.default_rng(seed))
    counts = np.bincount(drawn, minlength=len(w))
    expected = num_draws * w / w.sum()
    assert counts.sum() == num_draws
    assert (counts >= np.floor(expected - 1e-9)).all()
    assert (counts <= np.ceil(expected + 1e-9)).all()
    assert not counts[w == 0].any()


@given(weights=weight_lists, seed=seeds, data=st.data())
def test_without_replacement_no_image_comes_twice(
    weights: list[float], seed: int, data: st.DataObject
) -> None:
    w = np.array(weights)
    num_draws = data.draw(st.integers(1, np.count_nonzero(w)))
    sampler = EpochSampler(
        len(w), batch_size=7, seed=seed, weights=w, draw="without", num_draws=num_draws
    )
    drawn = sampler.drawn_indices(0)
    assert len(np.unique(drawn)) == len(drawn) == num_draws
    assert (w[drawn] > 0).all()
    # A shorter epoch is the beginning of a longer one.
    whole = draw_without_replacement(w, np.count_nonzero(w), np.random.default_rng(seed))
    part = draw_without_replacement(w, num_draws, np.random.default_rng(seed))
    assert part.tolist() == whole[:num_draws].tolist()


class Extremes(np.random.Generator):
    """Draws the end points that a real generator gives once in 2^53 times."""

    def __init__(self, uniform: float) -> None:
        super().__init__(np.random.PCG64(0))
        self.uniform = uniform

    def random(self, *args: Any, **kwargs: Any) -> Any:
        return self.uniform

    def standard_exponential(self, size: Any = None, *args: Any, **kwargs: Any) -> Any:
        # All but the first gap vanish, so that every point stands at an end.
        gaps = np.zeros(size)
        gaps[-1 if self.uniform == 0 else 0] = 1.0
        return gaps


@pytest.mark.parametrize("uniform", [0.0, 1 - 2.0**-53])
@pytest.mark.parametrize("draw", [draw_with_replacement, draw_systematically])
def test_rounding_ends_never_take_weight_zero(draw: Any, uniform: float) -> None:
    weights = np.array([0.0, 0.1, 0.2, 0.0, 0.7, 0.0, 0.0])
    rows = draw(weights, 1000, Extremes(uniform))
    assert len(rows) == 1000
    assert (weights[rows] > 0).all()
    assert (1 if uniform == 0 else 4) in rows


@given(
    num_images=st.integers(1, 120),
    num_draws=st.integers(1, 300),
    batch_size=st.integers(1, 9),
    world_size=st.integers(1, 7),
    draw=st.sampled_from([None, *DRAWS]),
    drop_last=st.booleans(),
    seed=seeds,
)
@settings(max_examples=300, deadline=None)
def test_the_ranks_together_see_what_one_process_sees(
    num_images: int,
    num_draws: int,
    batch_size: int,
    world_size: int,
    draw: Draw | None,
    drop_last: bool,
    seed: int,
) -> None:
    assume(not drop_last or num_draws >= world_size)
    if draw in (None, "without"):
        assume(num_draws <= num_images)
    options: dict[str, Any] = {"seed": seed, "num_draws": num_draws, "drop_last": drop_last}
    if draw is not None:
        options |= {"draw": draw, "weights": np.random.default_rng(seed).random(num_images) + 0.1}
    alone = EpochSampler(num_images, batch_size=batch_size * world_size, **options)
    whole = keys_of(alone, 2)
    ranks = [
        EpochSampler(num_images, batch_size=batch_size, rank=rank, world_size=world_size, **options)
        for rank in range(world_size)
    ]
    shares = [keys_of(sampler, 2) for sampler in ranks]
    for sampler, share in zip(ranks, shares, strict=True):
        assert len(share) == len(sampler) == sampler.num_batches
    for step, expected in enumerate(whole):
        parts = [share[step] for share in shares if step < len(share)]
        assert list(chain.from_iterable(parts)) == expected
        assert all(0 < len(part) <= batch_size for part in parts)
        assert max(map(len, parts)) - min(map(len, parts)) <= 1
    assert max(map(len, shares)) == len(whole)
    if drop_last and num_draws >= batch_size * world_size:
        assert {len(part) for share in shares for part in share} == {batch_size}
    if drop_last:
        assert len({len(share) for share in shares}) == 1
    else:
        positions = sorted(key.position for key in chain.from_iterable(chain(*shares)))
        assert positions == list(range(num_draws))
    # And any rank can begin at any step.
    assert keys_of(ranks[-1], 2, first_batch=1) == shares[-1][1:]


def test_the_last_batch_leaves_some_ranks_without_a_share() -> None:
    ranks = [EpochSampler(10, batch_size=2, seed=0, rank=r, world_size=4) for r in range(4)]
    assert [[len(batch) for batch in sampler] for sampler in ranks] == [[2], [2, 1], [2], [2, 1]]
    ranks[0].set_epoch(0, first_batch=2)
    assert len(ranks[0]) == 0


@pytest.mark.parametrize("draw", DRAWS)
def test_more_than_2_to_the_24_rows(draw: Draw) -> None:
    num_images = 20_000_000
    weights = np.zeros(num_images)
    weights[-3:] = [1.0, 0.0, 2.0]
    sampler = EpochSampler(
        num_images, batch_size=2, seed=0, weights=weights, draw=draw, num_draws=2
    )
    drawn = np.concatenate([sampler.drawn_indices(epoch) for epoch in range(5)])
    assert set(drawn.tolist()) == {num_images - 3, num_images - 1}


@pytest.fixture(scope="module")
def nih_sets(nih_table: Path) -> LabelSets:
    with gzip.open(nih_table, "rt", encoding="utf-8") as file:
        texts = [row["Finding Labels"] for row in csv.DictReader(file)]
    return find_label_sets(encode_label_texts(texts, NIH_LABELS))


def test_systematic_draws_lower_the_variance_of_the_epochs_not_of_the_batches(
    nih_sets: LabelSets,
) -> None:
    weights = fit_max_entropy(nih_sets).set_weights[nih_sets.inverse]
    patterns = (nih_sets.patterns == 1).astype(np.int64)
    num_images, num_sets = len(weights), len(patterns)
    expected = num_images * (weights[:, None] * patterns[nih_sets.inverse]).sum(0) / weights.sum()
    epochs: dict[str, NDArray[Any]] = {}
    batches: dict[str, NDArray[Any]] = {}
    for draw in ("replacement", "systematic"):
        sampler = EpochSampler(num_images, batch_size=32, seed=1, weights=weights, draw=draw)
        orders = [nih_sets.inverse[sampler.drawn_indices(epoch)] for epoch in range(60)]
        counts = [np.bincount(order, minlength=num_sets) @ patterns for order in orders]
        epochs[draw] = np.stack(counts)
        whole = np.stack(orders[:15])[:, : num_images // 32 * 32]
        batches[draw] = patterns[whole.reshape(-1, 32)].sum(axis=1).var(axis=0)
    variance = {draw: np.square(counts - expected).mean(axis=0) for draw, counts in epochs.items()}
    # 0.10 over 600 epochs; 60 epochs give each class's variance to about 20 %.
    ratios = variance["systematic"] / variance["replacement"]
    assert 0.05 < ratios.mean() < 0.2
    assert ratios.max() < 1
    # Independent draws vary as the binomial does, so the gain is measured against the truth.
    binomial = expected * (1 - expected / num_images)
    assert (variance["replacement"] / binomial).mean() == pytest.approx(1, abs=0.15)
    assert batches["systematic"] / batches["replacement"] == pytest.approx(np.ones(14), abs=0.05)
    # No class is drawn more or less often for it.
    errors = np.sqrt(variance["systematic"] / 60)
    assert (np.abs(epochs["systematic"].mean(axis=0) - expected) < 4 * errors).all()


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


@pytest.mark.parametrize(
    "weights", [[1.0, -1.0], [0.0, 0.0], [1.0, np.nan], [1.0, np.inf], [1e308, 1e308]]
)
@pytest.mark.filterwarnings("ignore:overflow")
def test_weights_have_to_be_weights(weights: list[float]) -> None:
    with pytest.raises(ValueError, match="finite, not negative, and not all 0"):
        EpochSampler(2, batch_size=2, seed=0, weights=np.array(weights))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"num_draws": 11}, InputError, "only 10 of 10"),
        (
            {"weights": np.array([0.0] * 4 + [1.0] * 6), "draw": "without"},
            InputError,
            "10 images an epoch can't be drawn without replacement: only 6 of 10",
        ),
        (
            {"num_draws": 3, "drop_last": True, "world_size": 4},
            InputError,
            "3 images an epoch are too few for 4 processes",
        ),
        ({"rank": 2, "world_size": 2}, ValueError, "rank 2 of 2"),
        ({"draw": "stratified"}, ValueError, "no draw is called 'stratified'"),
        ({"weights": np.ones(10), "shuffle": False}, ValueError, "no table order"),
        ({"batch_size": 0}, ValueError, "batches of 0"),
        ({"num_draws": 0}, ValueError, "0 draws an epoch"),
    ],
)
def test_what_can_not_be_drawn_is_refused(
    options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        EpochSampler(10, **{"batch_size": 2, "seed": 0, **options})


def test_a_part_without_images_has_no_batches() -> None:
    assert list(EpochSampler(0, batch_size=4, seed=0, shuffle=False)) == []


def test_fewer_draws_than_images_without_weights() -> None:
    sampler = EpochSampler(10, batch_size=4, seed=3, num_draws=6)
    whole = EpochSampler(10, batch_size=4, seed=3)
    assert sampler.drawn_indices(1).tolist() == whole.drawn_indices(1)[:6].tolist()
    ordered = EpochSampler(10, batch_size=4, seed=3, num_draws=6, shuffle=False)
    assert list(chain.from_iterable(ordered)) == list(range(6))


@pytest.mark.parametrize("draw", DRAWS)
def test_changing_the_weights_afterwards_changes_no_epoch(draw: Draw) -> None:
    weights = np.arange(1.0, 21.0)
    sampler = EpochSampler(20, batch_size=4, seed=3, weights=weights, draw=draw)
    before = sampler.drawn_indices(0).tolist()
    weights[:] = weights[::-1].copy()
    assert sampler.drawn_indices(0).tolist() == before
    changed = EpochSampler(20, batch_size=4, seed=3, weights=weights, draw=draw)
    assert changed.drawn_indices(0).tolist() != before
