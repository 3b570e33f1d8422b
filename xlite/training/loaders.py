"""The loaders of one run: its settings applied to the parts of the data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from xlite.loading.loader import RadiographDataset, build_loader, default_num_workers
from xlite.loading.transforms import Augmentation
from xlite.sampling.sampler import EpochSampler
from xlite.settings import Runtime, TrainSettings

if TYPE_CHECKING:
    from torch.utils.data import DataLoader

    from xlite.loading.loader import Batch
    from xlite.training.data import StudyData

_EVAL_BATCH = 64


def count_workers(runtime: Runtime, *, is_cached: bool, has_gpu: bool) -> int:
    """The loader processes that were asked for, or those that serve best."""
    if runtime.num_workers is not None:
        return runtime.num_workers
    return default_num_workers(is_cached=is_cached, has_gpu=has_gpu)


class RunLoaders:
    """Loaders over the parts of the data with the run's image size, for one of its processes."""

    def __init__(
        self,
        settings: TrainSettings,
        data: StudyData,
        *,
        num_workers: int,
        pin_memory: bool,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        self.settings, self.data = settings, data
        self.num_workers, self.pin_memory = num_workers, pin_memory
        self.rank, self.world_size = rank, world_size

    def build(
        self, part: str, sampler: EpochSampler, *, augment: bool = False
    ) -> DataLoader[Batch]:
        """A loader of one part in the sampler's order, augmented as the settings say."""
        settings = self.settings
        augmentation = None
        if augment and settings.augment != "none":
            augmentation = Augmentation(
                settings.augment, seed=settings.seed, horizontal_flip=settings.horizontal_flip
            )
        dataset = RadiographDataset(
            self.data.parts[part],
            self.data.source,
            image_size=settings.image_size,
            augmentation=augmentation,
            targets=self.data.train_targets if part == "train" else None,
        )
        return build_loader(
            dataset, sampler, num_workers=self.num_workers, pin_memory=self.pin_memory
        )

    def build_in_order(self, part: str) -> DataLoader[Batch]:
        """A loader of one part in the order of its table, as it is: this process's share."""
        return self.build(part, self._in_order(len(self.data.parts[part])))

    def build_spread(self, part: str, *, most: int) -> DataLoader[Batch]:
        """The same of at most so many images, spread evenly over the part."""
        manifest = self.data.parts[part]
        rows = np.linspace(0, len(manifest) - 1, min(most, len(manifest))).round().astype(np.int64)
        dataset = RadiographDataset(
            manifest.select(rows), self.data.source, image_size=self.settings.image_size
        )
        return build_loader(
            dataset,
            self._in_order(len(rows)),
            # Reading a cache does not pay for the start of processes.
            num_workers=0 if self.data.is_cached else self.num_workers,
            pin_memory=self.pin_memory,
        )

    def _in_order(self, num_images: int) -> EpochSampler:
        return EpochSampler(
            num_images,
            batch_size=_EVAL_BATCH,
            seed=0,
            shuffle=False,
            rank=self.rank,
            world_size=self.world_size,
        )
