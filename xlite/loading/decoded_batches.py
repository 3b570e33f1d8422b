"""Batches as training sees them, for the proof that images and labels stay together."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

from xlite import console
from xlite.errors import CheckFailedError
from xlite.loading.loader import RadiographDataset, build_loader
from xlite.sampling.draws import DrawBatches
from xlite.sampling.sampler import EpochSampler

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def decode_batches(dataset: RadiographDataset, *, num_workers: int) -> DrawBatches:
    """Batches that went through the loader, images decoded and augmented, as in training.

    Raises CheckFailedError when the labels that come with an image are not its own.
    """

    def batches(sampler: EpochSampler, num_batches: int) -> Iterator[NDArray[np.int64]]:
        loader = build_loader(dataset, sampler, num_workers=num_workers)
        num_given, epoch = 0, 0
        with console.progress_bar(num_batches, "decoding", "batch") as bar:
            while num_given < num_batches:
                sampler.set_epoch(epoch)
                for batch in islice(loader, num_batches - num_given):
                    rows: NDArray[np.int64] = batch.index.numpy()
                    if (batch.targets.numpy() != dataset.labels[rows]).any():
                        raise CheckFailedError(
                            "the loader pairs images with labels that are not theirs. This is a "
                            "defect of the loader; please report it."
                        )
                    bar.update()
                    num_given += 1
                    yield rows
                epoch += 1

    return batches
