"""An epoch of ten million weighted draws against torch's WeightedRandomSampler."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import BatchSampler, WeightedRandomSampler

from benchmarks.measure import Row, compare_times, time_in_turns
from xlite.sampling.sampler import Draw, EpochSampler

# torch refuses more than 2^24.
_NUM_IMAGES = 10_000_000
_BATCH_SIZE = 32
_TITLE = "epoch of 10 M draws"
_PEER = "torch's WeightedRandomSampler"


def run() -> list[Row]:
    """The rows of the draws alone, and of an epoch as a DataLoader asks for it.

    Each contender starts from the weights and ends with Python integers: for the draws alone
    one after another, for the epoch in batches.
    """
    weights = np.random.default_rng(0).choice([0.1, 1.0, 2.0, 30.0], _NUM_IMAGES)
    twice = np.tile(weights, 2)

    def build(draw: Draw = "replacement", weights: NDArray[np.float64] = weights) -> EpochSampler:
        return EpochSampler(
            len(weights), batch_size=_BATCH_SIZE, seed=0, weights=weights, draw=draw
        )

    def build_peer() -> WeightedRandomSampler:
        return WeightedRandomSampler(weights, _NUM_IMAGES)  # type: ignore[arg-type]  # converts it

    seconds = time_in_turns(
        {
            "independent": lambda: _exhaust(build().drawn_indices(0).tolist()),
            "torch": lambda: _exhaust(build_peer()),
            "systematic": lambda: _exhaust(build("systematic").drawn_indices(0).tolist()),
            "batches": lambda: _exhaust(build()),
            "twice": lambda: _exhaust(build(weights=twice).drawn_indices(0).tolist()),
            "torch batches": lambda: _exhaust(BatchSampler(build_peer(), _BATCH_SIZE, False)),
        }
    )
    return [
        compare_times(f"{_TITLE}: {_PEER}", seconds, ours="independent", peer="torch", target=0.5),
        compare_times(
            f"{_TITLE}, systematic: {_PEER}", seconds, ours="systematic", peer="torch", target=0.5
        ),
        compare_times(
            "epoch of 20 M draws, which torch refuses: our 10 M",
            seconds,
            ours="twice",
            peer="independent",
            target=None,
        ),
        compare_times(
            f"{_TITLE}, in batches: {_PEER} in its BatchSampler",
            seconds,
            ours="batches",
            peer="torch batches",
            target=None,
        ),
    ]


def _exhaust(values: Iterable[Any]) -> int:
    deque(values, maxlen=0)
    return 1


if __name__ == "__main__":
    for row in run():
        print(row)
