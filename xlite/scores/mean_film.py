"""How far a film looks unlike the mean of those that a model was trained on: pixels alone.

Films are shrunk to 16 x 16 pixels. Each is brought to mean 0 and length 1, so that brightness and
contrast count for nothing, and so is the mean of them; the product of two such films is Pearson's
correlation, and 1 less that is their difference.

N films, S image side.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIDE = 16
"""Of 4, 8, 16 and 32 the last two found alike on 400 radiographs of NIH's, and of 16 less is told
about single films (docs/predict.md)."""

LEAST_FILMS = 100
"""A mean of fewer is not kept: each would be seen in it too well."""

_MOST = 2.0
"""The difference of a film that is grey all over, which has no correlation: that of an inverted
one, than which nothing is more unlike."""


def shrink(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(N, 16, 16) of images (N, S, S), by area; those that are of this size as they are."""
    shrunk = np.empty((len(images), SIDE, SIDE), np.uint8)
    for image, small in zip(images, shrunk, strict=True):
        cv2.resize(image, (SIDE, SIDE), dst=small, interpolation=cv2.INTER_AREA)
    return shrunk


def average_films(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The mean (16, 16) of films (N, S, S), of mean 0 and length 1: the shape without any scale."""
    (mean,) = _normalise(_normalise(shrink(images)).mean(axis=0, keepdims=True))
    shaped: NDArray[np.float32] = mean.reshape(SIDE, SIDE).astype(np.float32)
    return shaped


def measure_differences(
    mean_film: NDArray[np.float32], images: NDArray[np.uint8]
) -> NDArray[np.float32]:
    """(N,) in [0, 2] of films (N, S, S): 1 less the correlation with a mean film.

    >>> films = np.random.default_rng(0).integers(0, 256, (3, 48, 48), dtype=np.uint8)
    >>> mean_film = average_films(films[:1])
    >>> measure_differences(mean_film, np.stack([films[0], 255 - films[0]])).round(3)
    array([0., 2.], dtype=float32)
    >>> measure_differences(mean_film, np.full((1, 48, 48), 7, np.uint8))
    array([2.], dtype=float32)
    """
    brought = _normalise(shrink(images))
    differences = 1 - brought @ mean_film.astype(np.float64).ravel()
    is_flat = ~brought.any(axis=1)
    return np.where(is_flat, _MOST, np.clip(differences, 0, _MOST)).astype(np.float32)


def _normalise(films: NDArray[np.uint8] | NDArray[np.float64]) -> NDArray[np.float64]:
    """(N, P) of mean 0 and length 1; 0 for what is grey all over."""
    wide = films.reshape(len(films), -1).astype(np.float64)
    centred = wide - wide.mean(axis=1, keepdims=True)
    centred[np.ptp(wide, axis=1) == 0] = 0
    lengths = np.linalg.norm(centred, axis=1, keepdims=True)
    normalised: NDArray[np.float64] = centred / np.where(lengths > 0, lengths, 1.0)
    return normalised
