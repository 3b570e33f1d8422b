from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from xlite.clahe_cache.clahe import apply_clahe, fit_geometry
from xlite.settings import ClaheSettings


def chest_like(seed: int = 0, edge: int = 512) -> np.ndarray:
    """Smooth structure plus detector noise, (edge, edge) in [0, 1)."""
    rng = np.random.default_rng(seed)
    coarse = cv2.resize(rng.random((8, 8)).astype(np.float32), (edge, edge), None, 0, 0, 2)
    noisy = 0.5 + 0.25 * (coarse - 0.5) + rng.normal(0, 0.01, (edge, edge))
    return np.clip(noisy, 0, 0.999)


def test_eight_bits_are_opencv_clahe_then_area_resize() -> None:
    image = (chest_like() * 256).astype(np.uint8)
    equalised = cv2.createCLAHE(clipLimit=3.0, tileGridSize=(4, 4)).apply(image)
    expected = cv2.resize(equalised, (100, 100), interpolation=cv2.INTER_AREA)
    result = apply_clahe(image, ClaheSettings(size=100, clip=3.0, grid=4))
    np.testing.assert_array_equal(result, expected)
    other_order = cv2.createCLAHE(3.0, (4, 4)).apply(cv2.resize(image, (100, 100)))
    assert np.abs(other_order.astype(int) - result).mean() > 1


@pytest.mark.parametrize("multiple", [1, 16, 257])
def test_eight_bit_data_in_sixteen_bits_gets_the_contrast_of_eight(multiple: int) -> None:
    # The control: OpenCV's own 16-bit CLAHE leaves such data nearly as it was.
    grey = chest_like() * 256
    image = np.clip((grey - grey.min()) / np.ptp(grey) * 255.99, 0, 255).astype(np.uint8)
    deep = image.astype(np.uint16) * multiple
    choice = ClaheSettings(size=128)
    expected = apply_clahe(image, choice).astype(int)
    difference = np.abs(apply_clahe(deep, choice).astype(int) - expected)
    assert difference.mean() < 1.0
    plain = cv2.createCLAHE(2.0, (8, 8)).apply(image.astype(np.uint16) * 257)
    plain = cv2.resize(plain, (128, 128), interpolation=cv2.INTER_AREA) / 257
    assert np.abs(plain - expected).mean() > 5 * difference.mean() + 1


@pytest.mark.parametrize("levels", [4096, 16384, 65536])
def test_deep_images_use_the_eight_bit_range(levels: int) -> None:
    result = apply_clahe((chest_like() * levels).astype(np.uint16), ClaheSettings(size=64))
    shallow = apply_clahe((chest_like() * 256).astype(np.uint8), ClaheSettings(size=64))
    assert result.std() > 0.8 * shallow.std()
    correlation = np.corrcoef(result.ravel(), shallow.ravel())[0, 1]
    assert correlation > 0.95


def test_contrast_of_sixteen_bits_does_not_depend_on_the_container() -> None:
    twelve = (chest_like() * 4096).astype(np.uint16)
    choice = ClaheSettings(size=64)
    result = apply_clahe(twelve, choice)
    np.testing.assert_array_equal(apply_clahe(twelve + 1000, choice), result)
    assert np.ptp(twelve) < 4000, "ensure the container's unused range is a sizable one"
    shifted = apply_clahe(twelve * 16, choice).astype(int)
    assert np.abs(shifted - result).max() <= 1


def test_flat_images_have_one_value() -> None:
    for dtype in (np.uint8, np.uint16):
        result = apply_clahe(np.full((50, 50), 200, dtype), ClaheSettings(size=16))
        assert len(np.unique(result)) == 1


SIDES = st.integers(1, 3000)
FITS = st.sampled_from(["pad", "stretch", "crop"])


@given(height=SIDES, width=SIDES, size=st.integers(8, 512), fit=FITS)
def test_geometry_stays_inside_and_keeps_the_aspect(
    height: int, width: int, size: int, fit: str
) -> None:
    place = fit_geometry(height, width, ClaheSettings(size=size, fit=fit))
    assert 0 <= place.top <= place.top + place.height <= height
    assert 0 <= place.left <= place.left + place.width <= width
    assert place.pad_top + place.resized_height <= size
    assert place.pad_left + place.resized_width <= size
    if fit == "pad":
        assert (place.height, place.width) == (height, width)
        assert max(place.resized_height, place.resized_width) == size
        ratio = size / max(height, width)
        assert abs(place.resized_height - height * ratio) <= 1
        assert abs(place.resized_width - width * ratio) <= 1
        below = size - place.resized_height - place.pad_top
        assert 0 <= below - place.pad_top <= 1
    else:
        assert (place.resized_height, place.resized_width) == (size, size)
    if fit == "crop":
        assert place.height == place.width == min(height, width)
        assert abs((height - place.height) - 2 * place.top) <= 1


@settings(max_examples=40, deadline=None)
@given(
    height=st.integers(1, 90),
    width=st.integers(1, 90),
    fit=FITS,
    grid=st.sampled_from([1, 3, 8, 64]),
    deep=st.booleans(),
)
def test_any_shape_gives_a_square(height: int, width: int, fit: str, grid: int, deep: bool) -> None:
    image = np.random.default_rng(height).integers(0, 256, (height, width))
    image = image.astype(np.uint16 if deep else np.uint8)
    result = apply_clahe(image, ClaheSettings(size=24, fit=fit, grid=grid))
    assert result.shape == (24, 24)
    assert result.dtype == np.uint8
    assert result.flags.c_contiguous


def test_padding_is_black_and_central() -> None:
    image = np.full((100, 50), 200, np.uint8)
    result = apply_clahe(image, ClaheSettings(size=40))
    assert (result[:, :10] == 0).all()
    assert (result[:, 30:] == 0).all()
    assert (result[:, 10:30] > 0).all()


@pytest.mark.parametrize(
    "wrong",
    [{"size": 0}, {"clip": 0}, {"clip": float("nan")}, {"grid": 0}, {"fit": "squash"}, {"sise": 1}],
)
def test_settings_out_of_range_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ClaheSettings(**wrong)
