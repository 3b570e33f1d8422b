"""The loader that every command shares: cached (or runtime) CLAHE images to batches.

A batch holds uint8 grey images; the model scales, normalises and replicates them to three
channels on the device, so that a twelfth of the bytes cross processes and buses.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import threading
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing import resource_tracker
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import cv2
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, Sampler, get_worker_info

from xlite.arrays import read_count
from xlite.errors import ArgumentError, XliteError
from xlite.sampling.sampler import EpochSampler
from xlite.signals import hold_back_interrupts
from xlite.tables.manifest import Manifest

if TYPE_CHECKING:
    from multiprocessing.context import BaseContext

    from numpy.typing import NDArray


_KNOWS_SENDERS = hasattr(signal, "sigwaitinfo")
"""Whether a process can tell who has sent it a signal; not on macOS and Windows."""

_DEAD_WORKER = "DataLoader worker"
"""How torch begins its message about one that is gone."""


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


@dataclass(frozen=True)
class Failure:
    """An exception on its way out of a loader process.

    torch would raise another one in the parent, of the same type if that takes a single argument,
    with the whole traceback as its message.
    """

    error: Exception

    @classmethod
    def of(cls, error: Exception) -> Failure:
        """The exception with its traceback as a note, which only a traceback shows."""
        error.add_note(f"In a loader process:\n{''.join(traceback.format_exception(error))}")
        try:
            pickle.loads(pickle.dumps(error))
        except Exception:  # noqa: BLE001  # whatever its __reduce__ does
            return cls(RuntimeError(f"{type(error).__name__}: {error}"))
        return cls(error)


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


class BatchLoader(DataLoader[Batch]):
    """A DataLoader whose processes leave signals to their parent; errors of theirs are raised."""

    def __iter__(self) -> Iterator[Batch]:  # type: ignore[override]
        if self.num_workers and hasattr(signal, "pthread_sigmask"):
            # Its own start would let the signals through again.
            resource_tracker.ensure_running()
        # Slurm sends SIGTERM to every process of a job: without them the trainer could not save.
        with hold_back_interrupts(*([signal.SIGTERM] if _KNOWS_SENDERS else [])):
            batches = super().__iter__()
        try:
            for batch in batches:
                if isinstance(batch, Failure):
                    raise batch.error
                yield batch
        except RuntimeError as error:
            if _DEAD_WORKER not in str(error):
                raise
            raise XliteError(
                "a loader process was killed, most often because memory ran out. Pass fewer "
                "--workers."
            ) from error


def build_loader(
    dataset: RadiographDataset,
    sampler: EpochSampler,
    *,
    num_workers: int = 0,
    pin_memory: bool = False,
) -> BatchLoader:
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
    return BatchLoader(
        dataset,
        batch_sampler=KeyedBatches(sampler),
        num_workers=num_workers,
        multiprocessing_context=_choose_context() if num_workers else None,
        persistent_workers=num_workers > 0,
        collate_fn=_keep_batch,  # type: ignore[arg-type]  # __getitems__ has made the batch
        pin_memory=pin_memory,
        worker_init_fn=_prepare_worker,
        # Each iteration draws a seed for the workers' torch, which they don't use, and would draw
        # it from everybody's generator.
        generator=torch.Generator(),
    )


def default_num_workers(*, is_cached: bool, has_gpu: bool) -> int:
    """Loader processes that serve best: none where the memory map outruns the model.

    One process gives some 5,000 augmented images/s from the packed cache, more than a CPU
    trains; runtime CLAHE (some 110 images/s a core) and a GPU need workers.
    """
    if is_cached and not has_gpu:
        return 0
    return min(8, os.cpu_count() or 1)


def _choose_context() -> BaseContext:
    # A fork of a process in which OpenCV has used its threads hangs in OpenCV. Workers come
    # from a clean server instead, which has done the slow imports once for all of them.
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, "xlite.loading.transforms"])
    return context


def _keep_batch(batch: Batch) -> Batch:
    return batch


def _prepare_worker(_: int) -> None:
    if _KNOWS_SENDERS:
        threading.Thread(target=_end_for_parent, name="xlite-end", daemon=True).start()
    # Ctrl-C reaches the whole process group; the trainer decides when its workers stop.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Loader processes are the parallelism; OpenCV's own threads would fight them for cores.
    cv2.setNumThreads(1)
    torch.set_num_threads(1)


def _end_for_parent() -> None:
    """End this process on a SIGTERM of the trainer's, which is to end it; leave those of others.

    SIGTERM is held back in all threads of a loader process, and waits to be asked for here.
    """
    parent = multiprocessing.parent_process()
    while parent is not None:
        if signal.sigwaitinfo({signal.SIGTERM}).si_pid == parent.pid:
            os._exit(128 + signal.SIGTERM)
