"""The size of a film from its header is that of the film that is read."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from xlite.clahe_cache.radiograph import (
    UnreadableImageError,
    measure_radiograph,
    read_radiograph,
)

FILM = np.arange(30 * 50, dtype=np.uint16).reshape(30, 50)


@pytest.mark.parametrize(
    ("name", "film"), [("a.png", FILM), ("b.jpg", (FILM % 256).astype(np.uint8))]
)
def test_the_size_is_that_of_what_is_read(tmp_path: Path, name: str, film: np.ndarray) -> None:
    cv2.imwrite(str(tmp_path / name), film)
    assert measure_radiograph(tmp_path / name) == read_radiograph(tmp_path / name).shape == (30, 50)


def test_of_dicom_the_header_is_enough(tmp_path: Path) -> None:
    pytest.importorskip("pydicom")
    from xlite.synthetic.dicom_films import generate_dicom_films

    generate_dicom_films(tmp_path / "films", num_images=1, image_size=40)
    film = next((tmp_path / "films").rglob("*.dcm"))
    assert measure_radiograph(film) == read_radiograph(film).shape


def test_what_holds_no_film_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.png").touch()
    for name in ("x.png", "y.png"):
        with pytest.raises(UnreadableImageError, match=name):
            measure_radiograph(tmp_path / name)
