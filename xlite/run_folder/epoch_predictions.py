"""`val_epochs/`: what the model of each epoch said of the validation part.

The best epoch is chosen by its score, which is too good for that. By how much, only what the others
said of the same images can tell. Logits in half precision: 2 bytes an image and label, 6 MB for 20
epochs of 11,000 images and 14 labels. Written before the epoch is finished, and again, to the same
bytes, where a resume goes back behind it.

N images, C classes.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from xlite.files import atomic_path

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

VAL_EPOCHS = "val_epochs"


def write_epoch_logits(run_dir: Path, epoch: int, logits: NDArray[np.float32]) -> None:
    """Write logits (N, C) of an epoch, from 1, atomically; what the file held is replaced."""
    import numpy as np

    folder = run_dir / VAL_EPOCHS
    folder.mkdir(exist_ok=True)
    largest = np.finfo(np.float16).max
    with atomic_path(_path_of(folder, epoch)) as temporary, temporary.open("wb") as file:
        np.save(file, np.clip(logits, -largest, largest).astype(np.float16))


def read_epoch_logits(
    run_dir: Path, epoch: int, shape: tuple[int, ...]
) -> NDArray[np.float64] | None:
    """The logits (N, C) of an epoch; None where there are none of that shape, as in older runs."""
    import numpy as np

    try:
        logits: NDArray[Any] = np.load(_path_of(run_dir / VAL_EPOCHS, epoch), allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    if logits.shape != shape or logits.dtype != np.float16 or not np.isfinite(logits).all():
        return None
    return logits.astype(np.float64)


def _path_of(folder: Path, epoch: int) -> Path:
    return folder / f"{epoch:04}.npy"
