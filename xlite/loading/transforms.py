"""Augmentation of cached radiographs; the one module that calls albumentations.

Every transform keeps the anatomy plausible: small rotations, shifts and scalings, exposure
changes, noise. A horizontal flip moves the heart to the right side (dextrocardia), so it is
off unless asked for.
"""

from __future__ import annotations

import functools
import os
import random
from typing import TYPE_CHECKING, Any

import numpy as np

from xlite.errors import InputError
from xlite.randomness import derive_seed

if TYPE_CHECKING:
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
        self._stream = _Stream(derive_seed("augment", seed))
        # Built at the first image: in the loader's workers, not in the process that starts them.
        self._transforms: list[Any] = []

    def __call__(self, image: NDArray[np.uint8], *, epoch: int, position: int) -> NDArray[np.uint8]:
        """The augmented (S, S) uint8 image that stands at `position` of `epoch`."""
        if not self._transforms:
            self._transforms = build_transforms(self.strength, horizontal_flip=self.horizontal_flip)
            for transform in self._transforms:
                transform.set_random_state(self._stream.generator, self._stream)
        self._stream.go_to(epoch, position)
        # Without albumentations' Compose, whose checks of boxes and masks take 15 µs an image.
        for transform in self._transforms:
            image = transform(image=image)["image"]
        return image

    def __reduce__(self) -> tuple[Any, ...]:
        remake = functools.partial(
            type(self), self.strength, seed=self.seed, horizontal_flip=self.horizontal_flip
        )
        return remake, ()


class _Stream(random.Random):
    """Random numbers for one image after another, as a numpy and as a Python generator.

    Philox is a function of a key and a counter (Salmon et al. 2011, "Parallel random numbers: as
    easy as 1, 2, 3", SC '11), so that an image's numbers are a place to go to, in 2 µs. Seeding
    albumentations' generators for each image would take 40 µs, a fifth of light augmentation.
    """

    def __init__(self, key: int) -> None:
        super().__init__()
        self._bits = np.random.Philox(key=key)
        self._start: Any = self._bits.state
        self.generator = np.random.Generator(self._bits)

    def go_to(self, epoch: int, position: int) -> None:
        """Give the numbers of this image next; the counter's lower half counts within it."""
        self._start["state"]["counter"][2:] = position, epoch
        self._bits.state = self._start

    def random(self) -> float:
        """The next number in [0, 1), on which Python's other methods draw."""
        return self.generator.random()

    def getrandbits(self, k: int, /) -> int:
        """An integer of k bits, at most 63."""
        return int(self.generator.integers(1 << k))


def build_transforms(strength: str, *, horizontal_flip: bool) -> list[Any]:
    """The albumentations transforms of a strength, in the order in which they are applied."""
    # Otherwise the import asks a server on the internet for its newest version.
    os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
    import albumentations
    import cv2

    class Affine(albumentations.Affine):  # type: ignore[misc]  # the package is untyped
        def apply(self, img: Any, matrix: Any, output_shape: Any, **_: Any) -> Any:
            # Its own asks of every matrix whether it is the identity: a fifth of the time.
            return cv2.warpAffine(
                img,
                matrix[:2],
                output_shape[::-1],
                flags=self.interpolation,
                borderMode=self.border_mode,
                borderValue=self.fill,
            )

    rotation, shift, exposure, noise = _STRENGTHS[strength]
    steps = [
        Affine(
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
    return steps
