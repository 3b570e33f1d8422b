"""The order in which an epoch shows its images: a pure function of (seed, epoch).

Because nothing is carried from epoch to epoch, training can start again at any batch of any
epoch, and the sampler can say what it drew or will draw. It knows nothing of torch; a
DataLoader takes it as its `batch_sampler`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from xlite.randomness import derive_generator

if TYPE_CHECKING:
    from numpy.typing import NDArray


class SampleKey(NamedTuple):
    """What a loader worker needs to make one sample: nothing else does it depend on."""

    epoch: int
    position: int
    """The place in the epoch's order, from 0; augmentation is keyed by it."""
    row: int
    """The row of the image in the manifest."""


class EpochSampler:
    """Batches of sample keys for one epoch after another.

    Without weights each epoch is a permutation of the N images; with weights it is N draws
    with replacement, image i with probability w_i / Σw.
    """

    def __init__(
        self,
        num_images: int,
        *,
        batch_size: int,
        seed: int,
        weights: NDArray[np.float64] | None = None,
        shuffle: bool = True,
        drop_last: bool = False,
    ) -> None:
        if weights is not None and len(weights) != num_images:
            raise ValueError(f"{len(weights)} weights for {num_images} images")
        self.num_images = num_images
        self.batch_size = batch_size
        self.seed = seed
        self.shuffle = shuffle
        self.drop_last = drop_last
        self.epoch = 0
        self.first_batch = 0
        self._cumulative = None if weights is None else np.cumsum(weights) / np.sum(weights)

    def set_epoch(self, epoch: int, *, first_batch: int = 0) -> None:
        """Choose the epoch that the next iteration gives, and the batch it begins with."""
        self.epoch = epoch
        self.first_batch = first_batch

    def drawn_indices(self, epoch: int) -> NDArray[np.int64]:
        """(N,) the image rows in the order in which `epoch` shows them."""
        if self._cumulative is None:
            if not self.shuffle:
                return np.arange(self.num_images)
            return derive_generator("order", self.seed, epoch).permutation(self.num_images)
        uniforms = derive_generator("draws", self.seed, epoch).random(self.num_images)
        rows = np.searchsorted(self._cumulative, uniforms, side="right")
        # The cumulative sum can end a rounding error below 1.
        return np.minimum(rows, self.num_images - 1)

    @property
    def num_batches(self) -> int:
        """The number of batches in a whole epoch."""
        if self.drop_last and self.num_images > self.batch_size:
            return self.num_images // self.batch_size
        return -(-self.num_images // self.batch_size)

    def __len__(self) -> int:
        """The number of batches that the next iteration gives."""
        return self.num_batches - self.first_batch

    def __iter__(self) -> Iterator[list[SampleKey]]:
        rows = self.drawn_indices(self.epoch).tolist()
        for batch in range(self.first_batch, self.num_batches):
            start = batch * self.batch_size
            stop = min(start + self.batch_size, len(rows))
            yield [SampleKey(self.epoch, place, rows[place]) for place in range(start, stop)]
