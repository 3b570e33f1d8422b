"""The loader that every command shares: cached (or runtime) CLAHE images to batches.

A batch holds uint8 grey images; the model scales, normalises and replicates them to three
channels on the device, so that a twelfth of the bytes cross processes and buses.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import cv2
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, Sampler, get_worker_info

from xlite.arrays import read_count
from xlite.errors import ArgumentError
from xlite.loading.batch_loader import BatchLoader, Failure
from xlite.sampling.sampler import EpochSampler
from xlite.tables.manifest import Manifest

if TYPE_CHECKING:
    from numpy.typing import NDArray


class PixelSource(Protocol):
    """Where the dataset gets its images from: a ClaheCache, or RuntimeClahe."""

    def rows_of(self, image_ids: Sequence[str]) -> NDArray[np.int64]:
        """The source's row of each image."""

    def read_many(self, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        """(B, S, S) uint8 grey images."""


class ImageTransform(Protocol):
    """What is done to each image after reading: Augmentation, or a view in test-time averaging."""

    def __call__(self, image: NDArray[np.uint8], *, epoch: int, position: int) -> NDArray[np.uint8]:
        """The transformed (S, S) uint8 image that stands at `position` of `epoch`."""


@dataclass(frozen=True)
class Batch:
    """B samples. images: (B, 1, S, S) uint8; targets: (B, C) int8; index: (B,) manifest rows."""

    images: torch.Tensor
    targets: torch.Tensor
    index: torch.Tensor

    def pin_memory(self) -> Batch:
        """The same batch in page-locked memory, for asynchronous copies to a GPU."""
        return Batch(self.images.pin_memory(), self.targets.pin_memory(), self.index.pin_memory())


class SampleKey(NamedTuple):
    """What a loader worker needs to make one sample: nothing else does it depend on."""

    epoch: int
    position: int
    """The place in the order of the whole epoch, from 0, on whichever rank; augmentation is
    keyed by it."""
    row: int
    """The row of the image in the manifest."""


class KeyedBatches(Sampler[list[SampleKey]]):
    """A sampler's batches with the epoch and the position of each row in it."""

    def __init__(self, sampler: EpochSampler) -> None:
        self.sampler = sampler

    def __len__(self) -> int:
        """The number of batches that the next iteration gives."""
        return len(self.sampler)

    def __iter__(self) -> Iterator[list[SampleKey]]:
        sampler, epoch = self.sampler, self.sampler.epoch
        for batch, rows in enumerate(sampler, start=sampler.first_batch):
            places = sampler.positions(batch)
            yield [SampleKey(epoch, place, row) for place, row in zip(places, rows, strict=True)]


class RadiographDataset(Dataset[Batch]):
    """N images of a manifest with their labels, as batches by sample keys (`build_loader`).

    manifest: what `read_labels` gives. source: a ClaheCache that has its images. image_size: side
    in pixels; the cache's by default. augmentation: what is done to each image. targets: (N, C)
    instead of the labels, -1 where one is unknown. Raises InputError where the source lacks an
    image.
    """

    def __init__(
        self,
        manifest: Manifest,
        source: PixelSource,
        *,
        image_size: int | None = None,
        augmentation: ImageTransform | None = None,
        targets: NDArray[np.float32] | None = None,
    ) -> None:
        if not isinstance(manifest, Manifest) or not hasattr(source, "rows_of"):
            raise ArgumentError(
                "RadiographDataset takes a manifest, as read_labels gives, and a ClaheCache."
            )
        self.labels = manifest.labels
        self.targets: NDArray[Any] = manifest.labels if targets is None else targets
        self.source = source
        self.image_size = image_size
        self.augmentation = augmentation
        self._rows = source.rows_of(list(manifest.image_ids))

    def __len__(self) -> int:
        return len(self.labels)

    def __getitems__(self, keys: list[SampleKey]) -> Batch | Failure:
        """The batch of samples that `keys` name; a pure function of them.

        In a loader process what goes wrong is handed over, for `BatchLoader` to raise.
        """
        if get_worker_info() is None:
            return self.make_batch(keys)
        try:
            return self.make_batch(keys)
        except Exception as error:  # noqa: BLE001  # raised again by the parent
            return Failure.of(error)

    def make_batch(self, keys: list[SampleKey]) -> Batch:
        """The batch of samples that `keys` name."""
        index = np.array([key.row for key in keys])
        images = self.source.read_many(self._rows[index])
        if self.image_size is not None and images.shape[1] != self.image_size:
            images = resize_images(images, self.image_size)
        if self.augmentation is not None:
            # In place: the batch is ours, and the pages of a new one would cost 15 µs an image.
            for image, key in zip(images, keys, strict=True):
                image[:] = self.augmentation(image, epoch=key.epoch, position=key.position)
        return Batch(
            images=torch.from_numpy(images).unsqueeze(1),
            targets=torch.from_numpy(self.targets[index]),
            index=torch.from_numpy(index),
        )


def resize_images(images: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """(B, size, size) images: by area when they shrink, linearly when they grow."""
    method = cv2.INTER_AREA if size < images.shape[1] else cv2.INTER_LINEAR
    resized = [cv2.resize(image, (size, size), interpolation=method) for image in images]
    return np.stack(resized).astype(np.uint8)


def build_loader(
    dataset: RadiographDataset,
    sampler: EpochSampler,
    *,
    num_workers: int = 0,
    pin_memory: bool = False,
) -> DataLoader[Batch]:
    """A loader of `Batch`es over one epoch after another; call `sampler.set_epoch` before each.

    A batch has images (B, 1, S, S) uint8, targets (B, C) int8 and index (B,), the rows of the
    dataset. Its bytes do not depend on `num_workers`, the number of processes that make batches;
    they live as long as the loader. Raises ArgumentError where the sampler draws from another
    number of images than the dataset has.
    """
    if not (isinstance(dataset, RadiographDataset) and isinstance(sampler, EpochSampler)):
        raise ArgumentError("build_loader takes a RadiographDataset and an EpochSampler.")
    if sampler.num_images != len(dataset):
        raise ArgumentError(
            f"the sampler draws from {sampler.num_images} images and the dataset has "
            f"{len(dataset)}. Make it with EpochSampler(len(dataset), ...)."
        )
    num_workers = read_count(num_workers, "num_workers", at_least=0)
    return BatchLoader.open(
        dataset, KeyedBatches(sampler), num_workers=num_workers, pin_memory=pin_memory
    )


def default_num_workers(*, is_cached: bool, has_gpu: bool) -> int:
    """Loader processes that serve best: none where the memory map outruns the model.

    One process gives some 5,000 augmented images/s from the packed cache, more than a CPU
    trains; runtime CLAHE (some 110 images/s a core) and a GPU need workers.
    """
    if is_cached and not has_gpu:
        return 0
    return min(8, os.cpu_count() or 1)
