"""The best epoch's score, corrected by what the other epochs of the run said."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from xlite.run_folder.epoch_predictions import VAL_EPOCHS, read_epoch_logits, write_epoch_logits


def test_logits_of_an_epoch_come_back_in_half_precision(tmp_path: Path) -> None:
    logits = np.array([[-3.25, 1e9], [0.5, -1e9]], dtype=np.float32)
    write_epoch_logits(tmp_path, 3, logits)
    found = read_epoch_logits(tmp_path, 3, (2, 2))
    assert found is not None
    assert found.tolist() == [[-3.25, 65504.0], [0.5, -65504.0]]


def test_what_is_missing_damaged_or_of_other_images_is_none(tmp_path: Path) -> None:
    write_epoch_logits(tmp_path, 1, np.zeros((4, 2), dtype=np.float32))
    assert read_epoch_logits(tmp_path, 1, (5, 2)) is None
    assert read_epoch_logits(tmp_path, 2, (4, 2)) is None
    (tmp_path / VAL_EPOCHS / "0001.npy").write_bytes(b"\x93NUMPY")
    assert read_epoch_logits(tmp_path, 1, (4, 2)) is None
