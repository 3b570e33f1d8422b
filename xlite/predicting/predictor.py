"""What predicts: images in, logits and features out, whichever way the model is kept.

B batch, C classes, D features, S image side.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from xlite.run_folder.records import Preprocessing
    from xlite.scores.fitted_thresholds import FittedThresholds


class PredictedBatch(NamedTuple):
    """What a model says of B images."""

    logits: NDArray[np.float32]
    """(B, C)"""
    features: NDArray[np.float32]
    """(B, D) the mean of the tokens that its head sees."""


class Predictor(Protocol):
    """A run, several runs, or an exported folder, opened to predict."""

    @property
    def name(self) -> str:
        """What tables and messages call it."""

    @property
    def labels(self) -> tuple[str, ...]:
        """The C labels, in the order of the outputs."""

    @property
    def preprocessing(self) -> Preprocessing:
        """How an image becomes an input; `image_size` is S."""

    @property
    def thresholds(self) -> FittedThresholds | None:
        """Calibration and thresholds of its labels, in their order; None where it has none."""

    def predict(self, images: NDArray[np.uint8]) -> PredictedBatch:
        """The logits and features of images (B, 1, S, S), equalised and of the model's size.

        On one machine the same images in the same batches give the same bytes.
        """
