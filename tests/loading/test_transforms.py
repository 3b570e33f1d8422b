from __future__ import annotations

import pickle
import random

import albumentations
import numpy as np
import pytest

from xlite.errors import InputError
from xlite.loading.transforms import AUGMENTATIONS, Augmentation, build_transforms

STRENGTHS = [name for name in AUGMENTATIONS if name != "none"]


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    """A smooth, left-right asymmetric picture: bright on the left."""
    columns = np.linspace(200, 20, 64)
    rows = np.linspace(0, 30, 64)[:, None]
    return (columns + rows).astype(np.uint8)


@pytest.mark.parametrize("strength", STRENGTHS)
def test_augmentation_is_a_function_of_seed_epoch_and_position(
    strength: str, image: np.ndarray
) -> None:
    first = Augmentation(strength, seed=3)
    expected = first(image, epoch=1, position=5)
    assert expected.shape == image.shape
    assert expected.dtype == np.uint8
    second = Augmentation(strength, seed=3)
    second(image, epoch=9, position=9)
    np.testing.assert_array_equal(second(image, epoch=1, position=5), expected)
    for other in (
        first(image, epoch=2, position=5),
        first(image, epoch=1, position=6),
        Augmentation(strength, seed=4)(image, epoch=1, position=5),
    ):
        assert (other != expected).any()


def test_a_copy_that_goes_to_a_worker_gives_the_same_images(image: np.ndarray) -> None:
    used = Augmentation("strong", seed=3, horizontal_flip=True)
    expected = [used(image, epoch=2, position=position) for position in range(8)]
    copied = pickle.loads(pickle.dumps(used))
    for position in reversed(range(8)):
        np.testing.assert_array_equal(copied(image, epoch=2, position=position), expected[position])


@pytest.mark.parametrize("strength", STRENGTHS)
def test_the_heart_stays_on_its_side_unless_flips_are_asked_for(
    strength: str, image: np.ndarray
) -> None:
    def is_flipped(augmented: np.ndarray) -> bool:
        middle = augmented[16:48, 16:48].astype(float)
        return bool(middle[:, :16].mean() < middle[:, 16:].mean())

    plain = Augmentation(strength, seed=0)
    assert not any(is_flipped(plain(image, epoch=0, position=i)) for i in range(50))
    flipping = Augmentation(strength, seed=0, horizontal_flip=True)
    num_flipped = sum(is_flipped(flipping(image, epoch=0, position=i)) for i in range(50))
    assert 10 < num_flipped < 40


def test_stronger_augmentation_changes_more(image: np.ndarray) -> None:
    def change(strength: str) -> float:
        augmentation = Augmentation(strength, seed=0)
        return float(
            np.mean(
                [
                    np.abs(augmentation(image, epoch=0, position=i).astype(float) - image).mean()
                    for i in range(40)
                ]
            )
        )

    assert 0 < change("light") < change("medium") < change("strong")


def test_an_unknown_strength_is_named() -> None:
    with pytest.raises(InputError, match="'heavy'.*none, light, medium, strong"):
        Augmentation("heavy", seed=0)


@pytest.mark.parametrize("strength", STRENGTHS)
def test_the_quick_warp_gives_the_pixels_of_albumentations_own(strength: str) -> None:
    ours = build_transforms(strength, horizontal_flip=False)[0]
    names = ("rotate", "scale", "interpolation", "border_mode", "fill")
    settings = {name: getattr(ours, name) for name in names}
    theirs = albumentations.Affine(**settings, translate_percent=ours.translate_percent, p=1.0)
    rng = np.random.default_rng(0)
    for transform in (ours, theirs):
        transform.set_random_state(np.random.default_rng(5), random.Random(5))
    for height in (64, 64, 90):
        film = rng.integers(0, 256, (height, 64), dtype=np.uint8)
        moved = ours(image=film)["image"]
        np.testing.assert_array_equal(moved, theirs(image=film)["image"])
        assert (moved != film).any(), "ensure that something was moved"
