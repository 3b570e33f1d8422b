"""Films read by processes of their own, a few at a time, in order; broken ones with the reason.

B films, S side in pixels.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from torch.utils.data import Dataset, get_worker_info

from xlite.clahe_cache.radiograph import UnreadableImageError
from xlite.loading.batch_loader import BatchLoader, Failure
from xlite.loading.loader import resize_images

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xlite.predicting.films import Films

_AT_ONCE = 16
"""Films that a process reads before it hands them over: 0.2 s of a core's work."""
_WORTH_A_PROCESS = 256
"""Films below which the start of processes, 3 s, takes longer than it saves."""


@dataclass(frozen=True, eq=False)
class FilmBatch:
    """Films of neighbouring positions."""

    positions: NDArray[np.int64]
    """(B,) of those that could be read."""
    images: NDArray[np.uint8]
    """(B, S, S)"""
    failures: dict[int, str]
    """The reason by position of those that could not."""


class FilmDataset(Dataset[FilmBatch]):
    """Films by positions, of the model's size."""

    def __init__(self, films: Films, image_size: int) -> None:
        self._source, self._num, self._image_size = films.source, len(films), image_size

    def __len__(self) -> int:
        return self._num

    def __getitems__(self, positions: list[int]) -> FilmBatch | Failure:
        """The films at these positions; in a process what goes wrong else is handed over."""
        if get_worker_info() is None:
            return self._read(positions)
        try:
            return self._read(positions)
        except Exception as error:  # noqa: BLE001  # raised again by the parent
            return Failure.of(error)

    def _read(self, positions: Sequence[int]) -> FilmBatch:
        images, kept, failures = [], [], {}
        for position in positions:
            try:
                images.append(self._source.read(position))
            except UnreadableImageError as error:
                failures[position] = error.reason
            else:
                kept.append(position)
        size = self._image_size
        stacked = np.stack(images) if images else np.empty((0, size, size), np.uint8)
        if images and stacked.shape[1] != size:
            stacked = resize_images(stacked, size)
        return FilmBatch(np.array(kept, dtype=np.int64), stacked, failures)


def read_films(
    films: Films, positions: Sequence[int], *, image_size: int, num_workers: int | None
) -> Iterator[FilmBatch]:
    """The films at some positions, in their order, each once.

    num_workers: processes that read; None takes one a core where that pays, 0 reads in this one.
    """
    if num_workers is None:
        num_workers = (os.cpu_count() or 1) if len(positions) >= _WORTH_A_PROCESS else 0
    few = [list(positions[at : at + _AT_ONCE]) for at in range(0, len(positions), _AT_ONCE)]
    dataset = FilmDataset(films, image_size)
    yield from BatchLoader.open(dataset, few, num_workers=min(num_workers, len(few)))
