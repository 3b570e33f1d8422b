"""What a run keeps of its films: a plane in the space of its features, their mean, and how far
others lie from these.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from xlite.places import VALIDATION
from xlite.scores.mean_film import SIDE, shrink
from xlite.scores.typical_films import SeenFilms, TypicalFilms, fit_typical_films
from xlite.training.predict import predict_logits

if TYPE_CHECKING:
    from xlite.models.classifier import Classifier
    from xlite.signals import StopRequest
    from xlite.training.open_run import OpenRun

_MOST_FILMS = 1000
"""Of each part. At 78,484 films of training that is a fortieth of an epoch, both parts together."""


class _Seen(nn.Module):
    """A classifier without its head, which hands on what it has seen: one pass gives both."""

    def __init__(self, model: Classifier) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> Tensor:
        """Features and the 16 * 16 pixels of images (B, 1, S, S), shrunk: (B, D + 256) float32."""
        features = self.model.pool_features(images).float()
        pixels = shrink(images[:, 0].cpu().numpy()).reshape(len(images), -1)
        return torch.cat([features, torch.from_numpy(pixels).to(features)], dim=1)


def describe_typical_films(run: OpenRun, stop: StopRequest) -> TypicalFilms | None:
    """What the films of the run's training are like, by its model; None when stopped on the way.

    Plane and mean are fitted to films of the training part, and measured is how unlike them
    validation's are. Without a validation part every other film of training is kept from the fit:
    measured are then films that the model has learnt.
    """
    train = _see(run, "train", stop)
    if train is None:
        return None
    if not run.data.has_validation:
        return fit_typical_films(train.every_other(0), train.every_other(1), is_unseen=False)
    val = _see(run, VALIDATION, stop)
    return None if val is None else fit_typical_films(train, val, is_unseen=True)


def _see(run: OpenRun, part: str, stop: StopRequest) -> SeenFilms | None:
    """N films spread over a part, shrunk."""
    outputs = predict_logits(
        _Seen(run.stepper.model),
        run.loaders.build_spread(part, most=_MOST_FILMS),
        fabric=run.fabric,
        description=f"{run.title} {part} features",
        should_stop=stop.__bool__,
    )
    if outputs is None:
        return None
    features, pixels = np.split(outputs.logits, [-SIDE * SIDE], axis=1)
    return SeenFilms(features, pixels.astype(np.uint8).reshape(-1, SIDE, SIDE))
