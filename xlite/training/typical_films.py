"""What a run keeps of its films: a plane in the space of its features, and distances from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn

from xlite.places import VALIDATION
from xlite.scores.typical_films import TypicalFilms, fit_typical_films
from xlite.training.predict import predict_logits

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from xlite.models.classifier import Classifier
    from xlite.signals import StopRequest
    from xlite.training.open_run import OpenRun

_MOST_FILMS = 1000
"""Of each part. At 78,484 films of training that is a fortieth of an epoch, both parts together."""


class _Features(nn.Module):
    """A classifier without its head."""

    def __init__(self, model: Classifier) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> Tensor:
        """The features (B, D) of images (B, 1, S, S)."""
        return self.model.pool_features(images)


def describe_typical_films(run: OpenRun, stop: StopRequest) -> TypicalFilms | None:
    """What the films of the run's training are like, by its model; None when stopped on the way.

    The plane is fitted to films of the training part, and the distances are of validation's.
    Without a validation part every other film of training is kept from the fit: distances are then
    of films that the model has learnt.
    """
    train = _predict_features(run, "train", stop)
    if train is None:
        return None
    if not run.data.has_validation:
        return fit_typical_films(train[::2], train[1::2], is_unseen=False)
    val = _predict_features(run, VALIDATION, stop)
    return None if val is None else fit_typical_films(train, val, is_unseen=True)


def _predict_features(run: OpenRun, part: str, stop: StopRequest) -> NDArray[np.float32] | None:
    """(N, D) of films spread over a part."""
    outputs = predict_logits(
        _Features(run.stepper.model),
        run.loaders.build_spread(part, most=_MOST_FILMS),
        fabric=run.fabric,
        description=f"{run.title} {part} features",
        should_stop=stop.__bool__,
    )
    return None if outputs is None else outputs.logits
