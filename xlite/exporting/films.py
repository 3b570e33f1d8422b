"""Synthetic films that an exported model is tried on: the same ones everywhere, nobody's.

N films, S image side.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import cv2
import numpy as np

from xlite.clahe_cache.clahe import apply_clahe
from xlite.labels import NIH_LABELS
from xlite.loading.loader import resize_images
from xlite.randomness import derive_generator
from xlite.settings import ClaheSettings
from xlite.synthetic.radiograph import draw_radiograph

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xlite.run_folder.records import Preprocessing

_SIDE = 256
_SHARE = 0.15
"""How often each finding is on a film."""
_REFERENCE_SIDE, _REFERENCE_WIDTH = 512, 448


def draw_films(num_films: int, preprocessing: Preprocessing) -> NDArray[np.uint8]:
    """(N, 1, S, S) synthetic films as the model takes them: 64 of them take 2 s to draw."""
    films = [prepare_film(_draw(number, _SIDE), preprocessing) for number in range(num_films)]
    return np.stack(films)[:, None]


def draw_reference_film() -> NDArray[np.uint8]:
    """The film (512, 448) that shows whether films are prepared alike elsewhere.

    It is higher than wide, so that where the rest of the square goes shows, too.
    """
    margin = (_REFERENCE_SIDE - _REFERENCE_WIDTH) // 2
    return _draw(0, _REFERENCE_SIDE)[:, margin : margin + _REFERENCE_WIDTH]


def prepare_film(
    film: NDArray[np.uint8] | NDArray[np.uint16], preprocessing: Preprocessing
) -> NDArray[np.uint8]:
    """The model's input (S, S) of a film (H, W)."""
    settings = ClaheSettings.parse(**preprocessing.clahe.model_dump())
    image = apply_clahe(film, settings)
    if preprocessing.image_size == settings.size:
        return image
    (resized,) = resize_images(image[None], preprocessing.image_size)
    return np.asarray(resized)


def encode_png(image: NDArray[np.uint8]) -> bytes:
    """The bytes of a grey PNG (H, W)."""
    _, encoded = cv2.imencode(".png", image)
    return bytes(encoded)


@cache
def _draw(number: int, size: int) -> NDArray[np.uint8]:
    rng = derive_generator("exported film", number)
    return draw_radiograph(
        (rng.random(len(NIH_LABELS)) < _SHARE).astype(np.int8),
        patient_rng=derive_generator("exported patient", number),
        image_rng=rng,
        image_size=size,
    )
