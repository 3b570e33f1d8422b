"""`predictions_*.csv`: what a run's model says of the images of one part of the split.

N images, C classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xlite.errors import InputError
from xlite.files import atomic_path, write_table
from xlite.records import read_columns
from xlite.run_folder.file_names import predictions_name

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

_IMAGE_COLUMN = "image_id"
_DIGITS = "%.9g"
"""Nine digits give every float32 back exactly."""


@dataclass(frozen=True, eq=False)
class Predictions:
    """What a model says of N images: image_ids (N,) text, probs (N, C) in [0, 1]."""

    image_ids: NDArray[Any]
    probs: NDArray[np.float64]
    vocabulary: tuple[str, ...]

    def to_frame(self) -> pd.DataFrame:
        """A row an image: `image_id`, and a column `prob_<label>` a class."""
        import pandas as pd

        table = pd.DataFrame(self.probs, columns=_prob_columns(self.vocabulary))
        table.insert(0, _IMAGE_COLUMN, self.image_ids)
        return table

    def as_written(self) -> Predictions:
        """The same with the digits that a file of them keeps."""
        import numpy as np

        kept = [float(_DIGITS % prob) for prob in self.probs.ravel()]
        return replace(self, probs=np.array(kept, dtype=np.float64).reshape(self.probs.shape))


def write_predictions(run_dir: Path, part: str, predictions: Predictions) -> None:
    """Write `image_id` and a `prob_<label>` column a class as CSV, atomically.

    part: which part of the split the images are of.
    """
    write_pooled_predictions(run_dir / predictions_name(part), predictions)


def write_pooled_predictions(path: Path, predictions: Predictions) -> None:
    """Write predictions of whichever images as `write_predictions` writes those of a part."""
    with atomic_path(path) as temporary:
        write_table(temporary, predictions.to_frame(), float_format=_DIGITS)


def read_predictions(path: Path, vocabulary: Sequence[str], *, remedy: str = "") -> Predictions:
    """The predictions in a CSV, their columns in the order of `vocabulary`.

    Raises InputError, which ends in `remedy`, when the file or a column is missing, or a prob is
    not in [0, 1].
    """
    import numpy as np
    import pandas as pd

    names, *cells = read_columns(path, [_IMAGE_COLUMN, *_prob_columns(vocabulary)], remedy=remedy)
    probs = np.empty((len(names), len(vocabulary)))
    for place, column in enumerate(cells):
        probs[:, place] = pd.to_numeric(pd.Series(column, dtype=str), errors="coerce")
    wrong = ~((probs >= 0) & (probs <= 1))
    if wrong.any():
        row = int(wrong.any(axis=1).argmax())
        raise InputError(f"{path} has a prob that is not in [0, 1] in row {row + 2}. {remedy}")
    return Predictions(np.array(names, dtype=object), probs, tuple(vocabulary))


def _prob_columns(vocabulary: Sequence[str]) -> list[str]:
    return [f"prob_{label}" for label in vocabulary]
