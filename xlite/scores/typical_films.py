"""How unlike films of training another film is: in the space of a model's features, and to look at.

Features are brought to length 1, and the films of training span a plane of a few main directions
about their mean; what is left of a film outside that plane is its distance (Jackson & Mudholkar
1979, Technometrics 21:341, the Q statistic; Wang et al. 2022, arXiv:2203.10807, of networks'
features). Beside it stands how far it looks unlike their mean film (`mean_film.py`). Each is
measured in standard deviations of the films of training, and both are added up. A sum, since a
model's films of training lie nearer than any others: that shifts all others alike, which changes no
order among them, while the larger of the two would be the distance almost always.

Films that none of this was fitted to say how large the sum is for an ordinary film: a p value is
the share of them that are as unlike (Vovk et al. 2005, conformal; Bates et al. 2023, Ann. Statist.
51:149), so that of new films of the same kind at most a share `level` has p <= level, whatever the
two are distributed like. One p value of the sum, and not one of each put together (Bonferroni's
2 min(p1, p2)), which can be no smaller than 2 / (M + 1).

N films, D features, K directions, S image side, M films that nothing was fitted to.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from xlite.scores.mean_film import LEAST_FILMS, average_films, measure_differences

if TYPE_CHECKING:
    from numpy.typing import NDArray

NUM_DIRECTIONS = 32
"""On 400 radiographs of NIH's 16, 32 and 64 served alike; nearest neighbours and Mahalanobis'
distance, which take more room, did no better (docs/predict.md)."""


_LEAST_SPREAD = 1e-6
"""Where films of training do not differ: some roundings of float32, so that any other film does."""


class SeenFilms(NamedTuple):
    """Films as a model sees them, and what it sees in them."""

    features: NDArray[np.float32]
    """(N, D)"""
    images: NDArray[np.uint8]
    """(N, S, S)"""

    def every_other(self, first: int) -> SeenFilms:
        """Every second of the films, from the first or second (0 or 1)."""
        return SeenFilms(self.features[first::2], self.images[first::2])


@dataclass(frozen=True, eq=False, kw_only=True)
class Appearance:
    """What films of training look like, and how far others of their kind look unlike that."""

    mean_film: NDArray[np.float32]
    """(16, 16), of mean 0 and length 1."""
    differences: NDArray[np.float32]
    """(M,) of the films that nothing was fitted to, in the order of their distances."""
    spreads: NDArray[np.float32]
    """(2,) standard deviations of distances and of differences, over films of training."""


@dataclass(frozen=True, eq=False, kw_only=True)
class TypicalFilms:
    """What is kept of the films of a training: enough to say how unlike them another is."""

    mean: NDArray[np.float32]
    """(D,) of features of length 1."""
    directions: NDArray[np.float32]
    """(K, D) orthonormal."""
    distances: NDArray[np.float32]
    """(M,) of films that the plane was not fitted to, ascending."""
    is_unseen: bool
    """Whether the model was not trained on these M either. Where it was, they lie too near, and
    more films are marked than the level says."""
    appearance: Appearance | None = None
    """None of fewer than 100 films, and in a file of an earlier version: then distances alone
    count."""

    @property
    def lowest_level(self) -> float:
        """The smallest share of ordinary films that can be held to: one of M + 1."""
        return 1 / (len(self.distances) + 1)

    @property
    def identity(self) -> str:
        """What the measure of a film depends on, as text."""
        kept = self.appearance
        by = (self.directions, *(() if kept is None else (kept.mean_film, kept.spreads)))
        return "".join(array.tobytes().hex() for array in by)

    def measure(self, films: SeenFilms) -> NDArray[np.float64]:
        """(N,) how unlike films are, from 0 up; what they look like counts where that is kept."""
        distances = _measure(films.features, self.mean, self.directions)
        if self.appearance is None:
            return distances.astype(np.float64)
        differences = measure_differences(self.appearance.mean_film, films.images)
        return _add_up(distances, differences, self.appearance.spreads)

    def p_values(self, measured: NDArray[np.float64]) -> NDArray[np.float64]:
        """(N,) the share of ordinary films that are as unlike, the film itself among them."""
        num = len(self.distances)
        below = np.searchsorted(self._ordinary, measured, side="left")
        shares: NDArray[np.float64] = (1 + num - below) / (num + 1)
        return shares

    @cached_property
    def _ordinary(self) -> NDArray[np.float64]:
        """(M,) what is measured of films that nothing was fitted to, ascending."""
        kept = self.appearance
        if kept is None:
            return np.sort(self.distances.astype(np.float64))
        return np.sort(_add_up(self.distances, kept.differences, kept.spreads))


def fit_typical_films(films: SeenFilms, others: SeenFilms, *, is_unseen: bool) -> TypicalFilms:
    """What N films of a training are like, and how unlike them M others of their kind are.

    is_unseen: whether the model was not trained on the others.

    >>> rng = np.random.default_rng(0)
    >>> plane, view = rng.normal(size=(4, 40)), rng.integers(50, 200, (1, 48, 48))
    >>> def draw(num):
    ...     features = rng.normal(size=(num, 4)) @ plane + 0.1 * rng.normal(size=(num, 40))
    ...     return SeenFilms(features, (view + rng.integers(0, 50, (num, 1, 1))).astype(np.uint8))
    >>> kept, new = fit_typical_films(draw(200), draw(99), is_unseen=True), draw(1)
    >>> inverted = SeenFilms(new.features, 255 - new.images)
    >>> bool(kept.p_values(kept.measure(inverted))[0] == kept.lowest_level)
    True
    """
    lengthened = _bring_to_length_1(films.features)
    mean = lengthened.mean(axis=0)
    most = max(1, min(NUM_DIRECTIONS, lengthened.shape[1] // 4, len(lengthened) // 4))
    _, _, rows = np.linalg.svd(lengthened - mean, full_matrices=False)
    kept, directions = mean.astype(np.float32), rows[:most].astype(np.float32)
    distances = _measure(others.features, kept, directions)
    order = np.argsort(distances, kind="stable")
    appearance = None
    if len(films.images) >= LEAST_FILMS:
        mean_film = average_films(films.images)
        own = (
            _measure(films.features, kept, directions),
            measure_differences(mean_film, films.images),
        )
        appearance = Appearance(
            mean_film=mean_film,
            differences=measure_differences(mean_film, others.images)[order],
            spreads=np.array([_spread(one) for one in own], np.float32),
        )
    return TypicalFilms(
        mean=kept,
        directions=directions,
        distances=distances[order],
        is_unseen=is_unseen,
        appearance=appearance,
    )


def _add_up(
    distances: NDArray[np.float32], differences: NDArray[np.float32], spreads: NDArray[np.float32]
) -> NDArray[np.float64]:
    measured = np.stack([distances, differences], axis=1).astype(np.float64)
    sums: NDArray[np.float64] = (measured / spreads.astype(np.float64)).sum(axis=1)
    return sums


def _spread(measured: NDArray[np.float32]) -> float:
    return max(float(measured.std(dtype=np.float64)), _LEAST_SPREAD)


def _bring_to_length_1(features: NDArray[np.float32]) -> NDArray[np.float64]:
    wide = features.astype(np.float64)
    lengths = np.linalg.norm(wide, axis=1, keepdims=True)
    brought: NDArray[np.float64] = wide / np.where(lengths > 0, lengths, 1.0)
    return brought


def _measure(
    features: NDArray[np.float32], mean: NDArray[np.float32], directions: NDArray[np.float32]
) -> NDArray[np.float32]:
    """(N,) in [0, 2], as they are kept in a file, so that what is alike stays so."""
    centred = _bring_to_length_1(features) - mean.astype(np.float64)
    axes = directions.astype(np.float64)
    left = np.linalg.norm(centred - centred @ axes.T @ axes, axis=1)
    distances: NDArray[np.float32] = left.astype(np.float32)
    return distances
