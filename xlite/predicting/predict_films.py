"""The loop: films in, what the model says of them out, a chunk at a time.

N films, C classes, D features, S image side.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from xlite import console
from xlite.predicting.chunks import PredictedChunk
from xlite.predicting.film_batches import FilmBatch, read_films
from xlite.scores.typical_films import SeenFilms

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xlite.predicting.films import Films
    from xlite.predicting.predictor import Predictor
    from xlite.scores.typical_films import TypicalFilms

BATCH = 64
"""As training predicts its parts, so that the same films give the same bytes."""
CHUNK = 4 * BATCH
"""Films between two files: what a kill costs. Batches begin anew with each chunk, so that a chunk
does not depend on where the work was taken up."""


def count_chunks(films: Films) -> int:
    """The number of chunks that films are predicted in."""
    return -(-len(films) // CHUNK)


def describe_batches() -> str:
    """How films are batched, which the last digits of outputs depend on."""
    return f"batches of {BATCH} in chunks of {CHUNK}"


def predict_films(
    predictor: Predictor,
    films: Films,
    *,
    numbers: Sequence[int],
    typical: TypicalFilms | None,
    num_workers: int | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Iterator[tuple[int, PredictedChunk]]:
    """Chunks of films by their numbers, in this order; ends early once `should_stop` says so.

    Films that can't be read are among a chunk's failures. typical: what is kept of the films of
    training, by which it is measured how unlike them each is.
    """
    spans = {one: range(one * CHUNK, min((one + 1) * CHUNK, len(films))) for one in numbers}
    positions = [position for span in spans.values() for position in span]
    size = predictor.preprocessing.image_size
    read = read_films(films, positions, image_size=size, num_workers=num_workers)
    done = len(films) - len(positions)
    with console.progress_bar(len(films), "predicting", "film", initial=done) as bar:
        for number, span in spans.items():
            chunk = _Chunk(predictor, typical)
            missing = len(span)
            while missing:
                if should_stop():
                    return
                films_read = next(read)
                chunk.add(films_read)
                num = len(films_read.positions) + len(films_read.failures)
                missing -= num
                bar.update(num)
            yield number, chunk.finish()


class _Chunk:
    """A chunk that is being predicted, in batches of films that could be read."""

    def __init__(self, predictor: Predictor, typical: TypicalFilms | None) -> None:
        self._predictor, self._typical = predictor, typical
        self._positions: list[NDArray[np.int64]] = []
        self._waiting: list[NDArray[np.uint8]] = []
        self._logits = [np.empty((0, len(predictor.labels)), np.float32)]
        self._distances = [np.empty(0)]
        self._failures: dict[int, str] = {}

    def add(self, batch: FilmBatch) -> None:
        """Take films on; what makes a whole batch is predicted."""
        self._failures |= batch.failures
        self._positions.append(batch.positions)
        self._waiting.append(batch.images)
        if sum(map(len, self._waiting)) >= BATCH:
            waiting = np.concatenate(self._waiting)
            self._predict(waiting[:BATCH])
            self._waiting = [waiting[BATCH:]]

    def finish(self) -> PredictedChunk:
        """The chunk, once what is left was predicted."""
        rest = np.concatenate(self._waiting)
        if len(rest):
            self._predict(rest)
        return PredictedChunk(
            np.concatenate(self._positions),
            np.concatenate(self._logits),
            np.concatenate(self._distances),
            self._failures,
        )

    def _predict(self, images: NDArray[np.uint8]) -> None:
        said = self._predictor.predict(np.ascontiguousarray(images)[:, None])
        self._logits.append(said.logits)
        self._distances.append(
            np.full(len(images), np.nan)
            if self._typical is None
            else self._typical.measure(SeenFilms(said.features, images))
        )
