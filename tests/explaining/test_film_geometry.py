"""Maps laid on films: back to where the pixels of the model's input came from."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional

from xlite.clahe_cache.clahe import apply_clahe
from xlite.explaining.film_geometry import lay_on_film
from xlite.settings import ClaheSettings


@pytest.mark.parametrize("fit", ["pad", "stretch", "crop"])
@pytest.mark.parametrize("film", [(300, 200), (160, 320)])
def test_a_bright_spot_comes_back_to_its_place(fit: str, film: tuple[int, int]) -> None:
    settings = ClaheSettings(size=80, clip=1000, grid=1, fit=fit)
    height, width = film
    pixels = np.zeros(film, np.uint8)
    y, x = int(height * 0.4), int(width * 0.55)
    pixels[y - 8 : y + 8, x - 8 : x + 8] = 255
    seen = apply_clahe(pixels, settings).astype(float)
    laid = lay_on_film(seen[None], film, settings)[0]
    assert laid.shape == film
    # CLAHE lifts the background.
    rows, columns = np.nonzero(laid > (np.median(laid[laid > 0]) + laid.max()) / 2)
    assert rows.mean() == pytest.approx(y, abs=2)
    assert columns.mean() == pytest.approx(x, abs=2)


def test_on_a_square_film_it_is_torch_s_bilinear_interpolation() -> None:
    maps = np.random.default_rng(0).random((3, 7, 7))
    laid = lay_on_film(maps, (224, 224), ClaheSettings(size=224))
    reference = functional.interpolate(
        torch.from_numpy(maps)[None], size=(224, 224), mode="bilinear", align_corners=False
    )[0].numpy()
    np.testing.assert_allclose(laid, reference, atol=1e-6)


def test_what_was_cut_off_is_empty_and_a_coarser_grid_says_the_same() -> None:
    settings = ClaheSettings(size=64, fit="crop")
    laid = lay_on_film(np.ones((1, 2, 2)), (100, 200), settings)[0]
    assert laid[:, :50].max() == laid[:, 150:].max() == 0
    assert laid[:, 50:150].min() == 1
    coarse = lay_on_film(np.ones((1, 2, 2)), (100, 200), settings, grid=(50, 100))[0]
    np.testing.assert_array_equal(coarse, laid[::2, ::2])
