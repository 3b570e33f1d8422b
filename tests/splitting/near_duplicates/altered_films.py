"""What is done to films on their way from one data set into another, one function each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Film = NDArray[Any]
Alteration = Callable[[Film, np.random.Generator], Film]


def crop(film: Film, rng: np.random.Generator) -> Film:
    """80 to 95 % of the height and of the width, anywhere."""
    height, width = np.int64(rng.uniform(0.8, 0.95, 2) * film.shape)
    top, left = rng.integers(film.shape[0] - height + 1), rng.integers(film.shape[1] - width + 1)
    return film[top : top + height, left : left + width]


def flip(film: Film, rng: np.random.Generator) -> Film:
    """Left to right."""
    return film[:, ::-1]


def rotate(film: Film, rng: np.random.Generator) -> Film:
    """By 2 to 5 degrees, with black corners."""
    height, width = film.shape
    degrees = rng.choice([-1, 1]) * rng.uniform(2, 5)
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1)
    return cv2.warpAffine(film, turn, (width, height))


def compress(film: Film, rng: np.random.Generator) -> Film:
    """As a JPEG of quality 20 to 59."""
    quality = int(rng.integers(20, 60))
    return cv2.imdecode(cv2.imencode(".jpg", film, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], 0)


def change_gamma(film: Film, rng: np.random.Generator) -> Film:
    """0.5 to 0.74, or 1.35 to 2."""
    gamma = np.exp(rng.choice([-1, 1]) * rng.uniform(0.3, 0.7))
    return cv2.LUT(film, np.uint8(np.rint(255 * (np.arange(256) / 255) ** gamma)))


def invert(film: Film, rng: np.random.Generator) -> Film:
    """The negative."""
    return 255 - film


def equalise(film: Film, rng: np.random.Generator) -> Film:
    """CLAHE with a clip limit of 2 to 4 on 8 x 8 tiles."""
    return cv2.createCLAHE(float(rng.uniform(2, 4)), (8, 8)).apply(film)


def resize(film: Film, rng: np.random.Generator) -> Film:
    """To edges of 224 to 512 pixels, so that it is squashed, too."""
    height, width = (int(edge) for edge in rng.integers(224, 513, 2))
    return cv2.resize(film, (width, height), interpolation=cv2.INTER_AREA)


ALTERATIONS: dict[str, Alteration] = {
    "crop": crop,
    "flip": flip,
    "rotation": rotate,
    "jpeg": compress,
    "gamma": change_gamma,
    "invert": invert,
    "clahe": equalise,
    "resize": resize,
}


def alter(film: Film, name: str, seed: int) -> Film:
    """The film altered: a pure function of its arguments."""
    rng = np.random.default_rng([seed, *map(ord, name)])
    return np.ascontiguousarray(ALTERATIONS[name](film, rng))
