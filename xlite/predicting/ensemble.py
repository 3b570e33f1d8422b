"""Several models that predict as one: the mean of their probs.

B batch, C classes, D features, S image side.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import log_expit, logsumexp

from xlite.errors import InputError
from xlite.predicting.predictor import PredictedBatch, Predictor

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xlite.run_folder.records import Preprocessing
    from xlite.scores.fitted_thresholds import FittedThresholds


class Ensemble:
    """Members of the same labels and preprocessing, as one `Predictor`.

    The prob of a label is the mean of the members' probs, as in test-time augmentation; the
    features are the first member's alone, by which it is said whether a film is unlike those of
    training. Raises InputError for members that differ in labels or in how images are made.
    """

    def __init__(
        self, members: Sequence[Predictor], *, thresholds: FittedThresholds | None = None
    ) -> None:
        self.members = tuple(members)
        self.thresholds = thresholds
        first = self.members[0]
        for other in self.members[1:]:
            if other.labels != first.labels:
                raise InputError(
                    f"{other.name} predicts other labels than {first.name}, or in another order: "
                    f"{', '.join(other.labels)}. An ensemble is of one list of labels."
                )
            if _made_of(other) != _made_of(first):
                raise InputError(
                    f"{other.name} takes images that are made otherwise than those of "
                    f"{first.name} (CLAHE or image size). Predict with each by itself."
                )

    @property
    def name(self) -> str:
        """The number of the members."""
        return f"mean of {len(self.members)} models"

    @property
    def labels(self) -> tuple[str, ...]:
        """The C labels of each member."""
        return self.members[0].labels

    @property
    def preprocessing(self) -> Preprocessing:
        """How images are made for every member; mean and std are the first one's."""
        return self.members[0].preprocessing

    def predict(self, images: NDArray[np.uint8]) -> PredictedBatch:
        """The logits of the mean prob, and the first member's features, of images (B, 1, S, S)."""
        said = [member.predict(images) for member in self.members]
        return PredictedBatch(average_probs([batch.logits for batch in said]), said[0].features)


def average_probs(logits: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """(B, C) the logits of the mean of the probs of M models, each (B, C).

    In logarithms, so that probs next to 1 are not lost.

    >>> said = average_probs([np.array([[0.0]]), np.array([[np.log(3)]])])
    >>> round(float(said[0, 0]), 4)  # a prob of (0.5 + 0.75) / 2
    0.5108
    """
    if len(logits) == 1:
        return logits[0]
    stacked = np.stack(logits).astype(np.float64)
    odds = logsumexp(log_expit(stacked), axis=0) - logsumexp(log_expit(-stacked), axis=0)
    averaged: NDArray[np.float32] = np.asarray(odds, dtype=np.float32)
    return averaged


def _made_of(member: Predictor) -> tuple[object, int]:
    return member.preprocessing.clahe, member.preprocessing.image_size
