"""`--show-augmentation`: films as training sees them, epoch by epoch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from xlite.loading.loader import RadiographDataset, SampleKey
from xlite.sampling.sampling_plan import plan_sampling
from xlite.sampling.source_sets import find_sampling_sets
from xlite.training.loaders import RunLoaders

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xlite.sampling.sampler import EpochSampler
    from xlite.settings import TrainSettings
    from xlite.training.data import StudyData

FILMS, VIEWS = 8, 5


@dataclass(frozen=True, eq=False, kw_only=True)
class View:
    """A film as one epoch shows it."""

    epoch: int
    """From 0."""
    position: int | None
    """Its first place in the order of the epoch; None where it is not drawn."""
    pixels: NDArray[np.uint8] | None
    """(S, S), None where it is not drawn."""


@dataclass(frozen=True, eq=False, kw_only=True)
class SeenFilm:
    """A film, and what training sees of it."""

    image_id: str
    labels: tuple[str, ...]
    """Those that it has."""
    original: NDArray[np.uint8]
    """(S, S), without augmentation."""
    views: tuple[View, ...]
    """One an epoch."""


def view_films(
    settings: TrainSettings, data: StudyData, *, num_films: int = FILMS, num_views: int = VIEWS
) -> list[SeenFilm]:
    """The first films of a run's first epoch, each as its first epochs show it.

    A view is what the run's loader makes of the film in that epoch: a function of the seed, the
    epoch and the position at which the run's sampler shows it.
    """
    read = data.read_by(settings)
    part = read.parts["train"]
    sampler = plan_sampling(
        find_sampling_sets(part, settings.sampler),
        settings.sampler,
        part.vocabulary,
        batch_size=settings.batch_size,
        seed=settings.seed,
    ).sampler
    loaders = RunLoaders(settings, read, num_workers=0, pin_memory=False)
    plain, augmented = (
        loaders.build("train", sampler, augment=augment).dataset for augment in (False, True)
    )
    assert isinstance(plain, RadiographDataset)
    assert isinstance(augmented, RadiographDataset)
    orders = [sampler.drawn_indices(epoch) for epoch in range(num_views)]
    films: list[SeenFilm] = []
    for row in dict.fromkeys(orders[0].tolist()):
        if len(films) == num_films:
            break
        films.append(
            SeenFilm(
                image_id=str(part.image_ids[row]),
                labels=tuple(np.array(part.vocabulary)[part.labels[row] == 1].tolist()),
                original=_take(plain, [SampleKey(0, 0, row)], 0),
                views=tuple(
                    _view(augmented, sampler, order, row, epoch)
                    for epoch, order in enumerate(orders)
                ),
            )
        )
    return films


def _view(
    dataset: RadiographDataset,
    sampler: EpochSampler,
    order: NDArray[np.int64],
    row: int,
    epoch: int,
) -> View:
    places = np.flatnonzero(order == row)
    if not places.size:
        return View(epoch=epoch, position=None, pixels=None)
    position = int(places[0])
    # The whole batch is made, as what is done to one may depend on what else is in it.
    batch, within = divmod(position, sampler.batch_size)
    keys = [SampleKey(epoch, place, int(order[place])) for place in sampler.positions(batch)]
    return View(epoch=epoch, position=position, pixels=_take(dataset, keys, within))


def _take(dataset: RadiographDataset, keys: list[SampleKey], within: int) -> NDArray[np.uint8]:
    pixels: NDArray[np.uint8] = dataset.make_batch(keys).images[within, 0].numpy()
    return pixels
