"""How far a film lies from those that a model was trained on, in the space of its features.

Features are brought to length 1, and the films of training span a plane of a few main directions
about their mean; what is left of a film outside that plane is its distance (Jackson & Mudholkar
1979, Technometrics 21:341, the Q statistic; Wang et al. 2022, arXiv:2203.10807, of networks'
features). Films that the plane was not fitted to say how large that is for an ordinary film: a p
value is the share of them that lie as far out (Vovk et al. 2005, conformal; Bates et al. 2023, Ann.
Statist. 51:149), so that of new films of the same kind at most a share `level` has p <= level,
whatever the distances are distributed like.

N films, D features, K directions, M films that the plane was not fitted to.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

NUM_DIRECTIONS = 32
"""On 400 radiographs of NIH's 16, 32 and 64 served alike; nearest neighbours and Mahalanobis'
distance, which take more room, did no better (docs/predict.md)."""


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

    @property
    def lowest_level(self) -> float:
        """The smallest share of ordinary films that can be held to: one of M + 1."""
        return 1 / (len(self.distances) + 1)

    def measure(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """The distances (N,) in [0, 2] of films by their features (N, D)."""
        return _measure(_bring_to_length_1(features), self.mean, self.directions)

    def p_values(self, distances: NDArray[np.float64]) -> NDArray[np.float64]:
        """(N,) the share of ordinary films that lie as far out, the film itself among them."""
        num = len(self.distances)
        below = np.searchsorted(self.distances, distances.astype(np.float32), side="left")
        shares: NDArray[np.float64] = (1 + num - below) / (num + 1)
        return shares


def fit_typical_films(
    features: NDArray[np.float32], others: NDArray[np.float32], *, is_unseen: bool
) -> TypicalFilms:
    """What films of a training (N, D) are like, and how far others of their kind (M, D) lie out.

    is_unseen: whether the model was not trained on the others.

    >>> rng = np.random.default_rng(0)
    >>> plane = rng.normal(size=(4, 40))
    >>> draw = lambda num: rng.normal(size=(num, 4)) @ plane + 0.1 * rng.normal(size=(num, 40))
    >>> films = fit_typical_films(draw(200), draw(99), is_unseen=True)
    >>> bool(films.p_values(films.measure(rng.normal(size=(1, 40))))[0] == films.lowest_level)
    True
    """
    lengthened = _bring_to_length_1(features)
    mean = lengthened.mean(axis=0)
    most = max(1, min(NUM_DIRECTIONS, features.shape[1] // 4, len(features) // 4))
    _, _, rows = np.linalg.svd(lengthened - mean, full_matrices=False)
    kept, directions = mean.astype(np.float32), rows[:most].astype(np.float32)
    distances = _measure(_bring_to_length_1(others), kept, directions)
    return TypicalFilms(
        mean=kept,
        directions=directions,
        distances=np.sort(distances).astype(np.float32),
        is_unseen=is_unseen,
    )


def _bring_to_length_1(features: NDArray[np.float32]) -> NDArray[np.float64]:
    wide = features.astype(np.float64)
    lengths = np.linalg.norm(wide, axis=1, keepdims=True)
    brought: NDArray[np.float64] = wide / np.where(lengths > 0, lengths, 1.0)
    return brought


def _measure(
    brought: NDArray[np.float64], mean: NDArray[np.float32], directions: NDArray[np.float32]
) -> NDArray[np.float64]:
    centred = brought - mean.astype(np.float64)
    axes = directions.astype(np.float64)
    distances: NDArray[np.float64] = np.linalg.norm(centred - centred @ axes.T @ axes, axis=1)
    return distances
