"""Features in their folder: found again, gone on with, and never those of something else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from xlite.errors import InputError
from xlite.probing.feature_folder import CHUNK, FEATURES_RECORD, FeatureFolder, FeatureKey, hash_ids

NUM = CHUNK + 7
VALUES = np.random.default_rng(0).normal(size=(NUM, 2, 5)).astype(np.float32)


def make_key(**changes: object) -> FeatureKey:
    values: dict[str, object] = {
        "backbone": "resnet18",
        "weights": "a" * 64,
        "image_size": 64,
        "cache": "b" * 64,
        "views": ("as it is", "mirrored"),
        "pooling": "mean",
        "images": hash_ids([str(number) for number in range(NUM)]),
    }
    return FeatureKey.model_validate({**values, **changes})


def fill(folder: FeatureFolder, numbers: list[int] | None = None) -> None:
    with folder.hold():
        for number in folder.find_missing(NUM) if numbers is None else numbers:
            folder.write_chunk(number, VALUES[number * CHUNK : (number + 1) * CHUNK])


def test_what_was_written_is_read_and_what_was_begun_is_gone_on_with(tmp_path: Path) -> None:
    folder = FeatureFolder(tmp_path, make_key())
    assert folder.read() is None
    fill(folder, [1])
    assert folder.read() is None
    assert folder.find_missing(NUM) == [0]
    fill(folder)
    features = folder.finish(NUM, (2, 3))
    again = FeatureFolder(tmp_path, make_key()).read()
    assert again is not None
    np.testing.assert_array_equal(features.values, VALUES)
    np.testing.assert_array_equal(again.values, VALUES)
    assert again.widths == (2, 3)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("backbone", "resnet34"),
        ("weights", "c" * 64),
        ("image_size", 65),
        ("cache", "c" * 64),
        ("views", ("as it is",)),
        ("images", "c" * 64),
    ],
)
def test_other_features_have_another_folder_and_moved_ones_are_refused(
    tmp_path: Path, field: str, value: object
) -> None:
    ours, other = make_key(), make_key(**{field: value})
    assert ours.folder_name != other.folder_name
    folder = FeatureFolder(tmp_path, ours)
    fill(folder)
    folder.finish(NUM, (5,))
    moved = FeatureFolder(tmp_path, other)
    folder.path.rename(moved.path)
    with pytest.raises(InputError, match=f"holds features of {field}"):
        moved.read()
    (moved.path / FEATURES_RECORD).unlink()
    with pytest.raises(InputError, match=f"holds features of {field}"), moved.hold():
        pass


def test_a_damaged_chunk_and_a_foreign_folder_are_refused(tmp_path: Path) -> None:
    folder = FeatureFolder(tmp_path, make_key())
    folder.path.mkdir()
    (folder.path / "000000.npy").write_bytes(b"somebody's")
    with pytest.raises(InputError, match="nothing says that it belongs to features"):
        fill(folder)
    (folder.path / "000000.npy").unlink()
    fill(folder)
    folder.finish(NUM, (5,))
    chunk = folder.path / "000001.npy"
    content = bytearray(chunk.read_bytes())
    content[-1] ^= 1
    chunk.write_bytes(content)
    with pytest.raises(InputError, match="is damaged"):
        folder.read()
