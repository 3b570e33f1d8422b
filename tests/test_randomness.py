from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from xlite.randomness import derive_generator, derive_seed

places = st.lists(st.integers(0, 2**40), min_size=1, max_size=4).map(tuple)


@given(place=places)
def test_a_stream_is_a_function_of_its_name(place: tuple[int, ...]) -> None:
    first = derive_generator("order", *place).random(4)
    derive_generator("order", 99).random(1000)
    assert (derive_generator("order", *place).random(4) == first).all()
    assert derive_seed("order", *place) == derive_seed("order", *place)
    assert 0 <= derive_seed("order", *place) < 2**63


@given(place=places, other=places)
def test_other_places_and_purposes_are_other_streams(
    place: tuple[int, ...], other: tuple[int, ...]
) -> None:
    assert derive_seed("order", *place) != derive_seed("augment", *place)
    # Trailing zeros are the same entropy to numpy's SeedSequence; place lengths are fixed by use.
    if len(place) == len(other) and place != other:
        assert derive_seed("order", *place) != derive_seed("order", *other)


def test_no_two_of_100_000_keys_collide() -> None:
    seeds = {
        derive_seed("augment", seed, epoch, position)
        for seed in (0, 42)
        for epoch in range(50)
        for position in range(1000)
    }
    assert len(seeds) == 100_000


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("order", 42, 0), ("augment", 42, 0)),
        (("order", 42, 0), ("order", 42, 1)),
        (("order", 42, 0), ("order", 43, 0)),
    ],
)
def test_neighbouring_streams_are_uncorrelated(
    first: tuple[str, int, int], second: tuple[str, int, int]
) -> None:
    a, b = (derive_generator(name, *place).random(20_000) for name, *place in (first, second))
    assert stats.pearsonr(a, b).pvalue > 1e-3
    assert stats.kstest(a, "uniform").pvalue > 1e-3


def test_the_first_draws_of_many_epochs_are_uniform() -> None:
    draws = [derive_generator("order", 42, epoch).random() for epoch in range(3000)]
    assert stats.kstest(draws, "uniform").pvalue > 1e-3
    assert abs(np.corrcoef(draws[:-1], draws[1:])[0, 1]) < 4 / np.sqrt(len(draws))


def test_another_process_draws_the_same(in_other_processes: Any) -> None:
    code = (
        "from xlite.randomness import derive_generator, derive_seed\n"
        "import sys\n"
        "values = derive_generator('order', 42, 3).random(3).tolist()\n"
        "sys.stdout.write(repr((values, derive_seed('augment', 42, 3, 7))))\n"
    )
    texts = in_other_processes(code)
    here = (derive_generator("order", 42, 3).random(3).tolist(), derive_seed("augment", 42, 3, 7))
    assert texts == {repr(here)}


def test_a_negative_place_is_refused() -> None:
    with pytest.raises(ValueError, match="non-negative"):
        derive_generator("order", -1)
