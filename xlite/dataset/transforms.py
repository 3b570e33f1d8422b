"""Augmentation of cached radiographs; the one module that calls albumentations.

Every transform keeps the anatomy plausible: small rotations, shifts and scalings, exposure
changes, noise. A horizontal flip moves the heart to the right side (dextrocardia), so it is
off unless asked for.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from xlite.errors import InputError
from xlite.randomness import derive_seed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# (rotation in degrees, shift and scaling as fractions, brightness/contrast, std of the noise)
_STRENGTHS: dict[str, tuple[float, float, float, float]] = {
    "light": (5.0, 0.03, 0.10, 0.0),
    "medium": (10.0, 0.05, 0.15, 0.0),
    "strong": (15.0, 0.10, 0.25, 0.03),
}

AUGMENTATIONS: tuple[str, ...] = ("none", *_STRENGTHS)


class Augmentation:
    """A grey-image augmentation that is a pure function of (seed, epoch, position)."""

    def __init__(self, strength: str, *, seed: int, horizontal_flip: bool = False) -> None:
        if strength not in _STRENGTHS:
            raise InputError(
                f"unknown augmentation {strength!r}. Use one of: {', '.join(AUGMENTATIONS)}."
            )
        self.strength = strength
        self.seed = seed
        self.horizontal_flip = horizontal_flip
        # Built at the first image: in the loader's workers, not in the process that starts them.
        self._pipeline: Any = None

    def __call__(self, image: NDArray[np.uint8], *, epoch: int, position: int) -> NDArray[np.uint8]:
        """The augmented (S, S) uint8 image that stands at `position` of `epoch`."""
        if self._pipeline is None:
            self._pipeline = _build_pipeline(self.strength, horizontal_flip=self.horizontal_flip)
        # Albumentations' generators hold 32-bit seeds.
        self._pipeline.set_random_seed(derive_seed("augment", self.seed, epoch, position) >> 31)
        augmented: NDArray[np.uint8] = self._pipeline(image=image)["image"]
        return augmented


def _build_pipeline(strength: str, *, horizontal_flip: bool) -> Any:
    # Otherwise the import asks a server on the internet for its newest version.
    os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
    import albumentations
    import cv2

    rotation, shift, exposure, noise = _STRENGTHS[strength]
    steps = [
        albumentations.Affine(
            rotate=(-rotation, rotation),
            translate_percent=(-shift, shift),
            scale=(1 - shift, 1 + shift),
            interpolation=cv2.INTER_LINEAR,
            border_mode=cv2.BORDER_CONSTANT,
            fill=0,
            p=1.0,
        ),
        albumentations.RandomBrightnessContrast(
            brightness_limit=(-exposure, exposure), contrast_limit=(-exposure, exposure), p=0.8
        ),
    ]
    if noise:
        steps.append(albumentations.GaussNoise(std_range=(0.0, noise), p=0.5))
    if horizontal_flip:
        steps.append(albumentations.HorizontalFlip(p=0.5))
    return albumentations.Compose(steps)
