"""xlite's augmentation done by albumentations: a reference for tests, a peer for benchmarks."""

from __future__ import annotations

import os
from typing import Any

import cv2

from xlite.loading.transforms import Strength


def build_transforms(strength: Strength, *, horizontal_flip: bool = False) -> list[Any]:
    """albumentations' transforms of that strength, in the order in which xlite applies its own."""
    # Otherwise the import asks a server on the internet for its newest version.
    os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
    import albumentations

    shift, exposure = strength.shift, strength.exposure
    transforms: list[Any] = [
        albumentations.Affine(
            rotate=(-strength.rotation, strength.rotation),
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
    if strength.noise:
        transforms.append(albumentations.GaussNoise(std_range=(0.0, strength.noise), p=0.5))
    if horizontal_flip:
        transforms.append(albumentations.HorizontalFlip(p=0.5))
    return transforms
